// The report's data: decoding, formatting, and candles of coarser intervals. Times are seconds since 1970 UTC.
"use strict";
const report = JSON.parse(document.getElementById("data").textContent);

const INTERVALS = [[1, "1s"], [5, "5s"], [15, "15s"], [60, "1m"], [300, "5m"], [900, "15m"], [3600, "1h"], [14400, "4h"], [86400, "1d"]];

const grouped = (text) => text.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
function number(value, decimals) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const [whole, fraction] = Math.abs(value).toFixed(decimals).split(".");
  const sign = value < 0 && Number(Math.abs(value).toFixed(decimals)) !== 0 ? "−" : "";
  return sign + grouped(whole) + (fraction ? "." + fraction : "");
}
const signed = (value, decimals) => (value > 0 ? "+" : "") + number(value, decimals);
const tone = (value) => (value > 0 ? "up" : value < 0 ? "down" : "");
const two = (value) => String(value).padStart(2, "0");
function moment(seconds, withSeconds = true) {
  const at = new Date(seconds * 1000);
  const day = `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  return `${day} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}` + (withSeconds ? `:${two(at.getUTCSeconds())}` : "");
}
function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds < 60) return seconds.toFixed(seconds < 10 ? 1 : 0) + " s";
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (hours < 1) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return days < 1 ? `${hours} h ${minutes % 60} min` : `${days} d ${hours % 24} h`;
}

// The first index whose value is above; `values` ascend.
function above(values, value) {
  let low = 0, high = values.length;
  while (low < high) { const middle = (low + high) >> 1; if (values[middle] > value) high = middle; else low = middle + 1; }
  return low;
}

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

// Candles of one symbol as columns; see packed_columns in candles.py for how they are packed.
async function unpackCandles(packed) {
  const count = packed.count, buffer = await unpack(packed.columns);
  const column = (index) => new Int32Array(buffer, index * count * 4, count);
  const [steps, opens, highs, lows, bodies] = [0, 1, 2, 3, 4].map(column);
  const candles = { interval: packed.interval, time: new Float64Array(count), open: new Float64Array(count), high: new Float64Array(count), low: new Float64Array(count), close: new Float64Array(count), volume: new Float32Array(buffer, 5 * count * 4, count) };
  const scale = 10 ** packed.decimals;
  let bucket = 0, last = 0;
  for (let i = 0; i < count; i++) {
    bucket += steps[i];
    const open = last + opens[i], close = open + bodies[i];
    last = close;
    candles.time[i] = bucket * packed.interval;
    candles.open[i] = open / scale; candles.close[i] = close / scale;
    candles.high[i] = (Math.max(open, close) + highs[i]) / scale; candles.low[i] = (Math.min(open, close) - lows[i]) / scale;
  }
  return candles;
}

function coarser(candles, interval) {
  if (interval <= candles.interval) return candles;
  const columns = { time: [], open: [], high: [], low: [], close: [], volume: [] };
  let bucket = null, at = -1;
  for (let i = 0; i < candles.time.length; i++) {
    const mine = Math.floor(candles.time[i] / interval);
    if (mine !== bucket) {
      bucket = mine; at++;
      columns.time.push(mine * interval); columns.open.push(candles.open[i]); columns.high.push(candles.high[i]);
      columns.low.push(candles.low[i]); columns.close.push(candles.close[i]); columns.volume.push(candles.volume[i]);
    } else {
      if (candles.high[i] > columns.high[at]) columns.high[at] = candles.high[i];
      if (candles.low[i] < columns.low[at]) columns.low[at] = candles.low[i];
      columns.close[at] = candles.close[i]; columns.volume[at] += candles.volume[i];
    }
  }
  return { interval, ...columns };
}

// Trades as objects, from columns.
const trades = report.trades.id.map((id, i) => {
  const trade = { id, at: i };
  for (const key of Object.keys(report.trades)) trade[key] = report.trades[key][i];
  trade.symbol = report.names.symbols[trade.symbol]; trade.trader = report.names.traders[trade.trader]; trade.reason = report.names.reasons[trade.reason];
  trade.open = trade.closed === null;
  trade.seconds = trade.open ? null : trade.closed - trade.opened;
  return trade;
});

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value); else if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}
const byId = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
function faded(hex, alpha) {
  const value = parseInt(hex.slice(1), 16);
  return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, ${alpha})`;
}
