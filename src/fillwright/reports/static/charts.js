// The charts: equity with drawdown, results by day, and prices with trades.
const { createChart, AreaSeries, BaselineSeries, CandlestickSeries, HistogramSeries, LineStyle } = LightweightCharts;
const charts = [];

function chartOptions(attribution = false) {
  const grid = { color: colour("line-soft") };
  return {
    autoSize: true,
    layout: { background: { color: "transparent" }, textColor: colour("muted"), fontSize: 11, attributionLogo: attribution, panes: { separatorColor: colour("line"), enableResize: false } },
    grid: { vertLines: grid, horzLines: grid },
    rightPriceScale: { borderColor: colour("line") },
    timeScale: { borderColor: colour("line"), timeVisible: true, secondsVisible: report.end - report.start < 7200, minBarSpacing: 0.005 },
    crosshair: { mode: 0, vertLine: { color: colour("faint"), labelBackgroundColor: colour("muted") }, horzLine: { color: colour("faint"), labelBackgroundColor: colour("muted") } },
    localization: { locale: "en-GB", timeFormatter: (time) => moment(time) + " UTC" },
    handleScroll: { vertTouchDrag: false },
    handleScale: { axisPressedMouseMove: { time: true, price: true } },
  };
}

// A chart remembers how it takes its colours, so that a change of theme reaches all.
function register(chart, paint) {
  charts.push(() => { const { layout: { attributionLogo, ...layout }, grid, rightPriceScale, crosshair } = chartOptions(); chart.applyOptions({ layout, grid, rightPriceScale, crosshair }); chart.timeScale().applyOptions({ borderColor: colour("line") }); paint(); });
  paint();
}

function equityChart() {
  const chart = createChart(byId("equity-chart"), chartOptions());
  const money = { type: "custom", minMove: 0.01, formatter: (value) => number(value, 2) };
  const equity = chart.addSeries(BaselineSeries, { baseValue: { type: "price", price: report.initial }, lineWidth: 2, priceFormat: money, priceLineVisible: false });
  const drawdown = chart.addSeries(AreaSeries, { lineWidth: 1, invertFilledArea: true, priceLineVisible: false, lastValueVisible: false, priceFormat: { type: "custom", minMove: 0.01, formatter: (value) => number(value, 2) + " %" } }, 1);
  const { time, equity: values, drawdown: falls } = report.curve;
  equity.setData(time.map((at, i) => ({ time: at, value: values[i] })));
  drawdown.setData(time.map((at, i) => ({ time: at, value: -falls[i] })));
  equity.createPriceLine({ price: report.initial, lineWidth: 1, lineStyle: LineStyle.Dotted, axisLabelVisible: false, color: colour("faint") });
  chart.panes()[0].setStretchFactor(7); chart.panes()[1].setStretchFactor(3);
  chart.panes()[1].priceScale("right").applyOptions({ scaleMargins: { top: 0.05, bottom: 0.1 } });
  register(chart, () => {
    const up = colour("up"), down = colour("down");
    equity.applyOptions({ topLineColor: up, topFillColor1: faded(up, 0.28), topFillColor2: faded(up, 0.02), bottomLineColor: down, bottomFillColor1: faded(down, 0.02), bottomFillColor2: faded(down, 0.28) });
    drawdown.applyOptions({ lineColor: down, topColor: faded(down, 0.05), bottomColor: faded(down, 0.35) });
  });
  const readout = byId("equity-readout");
  chart.subscribeCrosshairMove((event) => {
    const at = event.seriesData.get(equity), fall = event.seriesData.get(drawdown);
    readout.textContent = at ? `${moment(at.time)} · equity ${number(at.value, 2)} ${report.quote} · drawdown ${number(fall ? fall.value : 0, 2)} %` : "";
  });
  chart.timeScale().fitContent();
}

function daysChart() {
  const place = byId("days-chart");
  if (!place) return;
  const chart = createChart(place, { ...chartOptions(), handleScroll: false, handleScale: false });
  const series = chart.addSeries(HistogramSeries, { priceLineVisible: false, lastValueVisible: false, priceFormat: { type: "custom", minMove: 0.01, formatter: (value) => number(value, 2) } });
  chart.applyOptions({ timeScale: { timeVisible: false, minBarSpacing: 0.1 } });
  register(chart, () => series.setData(report.days.time.map((time, i) => ({ time, value: report.days.change[i], color: report.days.change[i] < 0 ? colour("down") : colour("up") }))));
  chart.timeScale().fitContent();
}

class PriceChart {
  constructor() {
    this.chart = createChart(byId("price-chart"), chartOptions(true));
    this.candles = this.chart.addSeries(CandlestickSeries, { borderVisible: false, priceLineVisible: false });
    this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.88, bottom: 0 } });
    this.chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.06, bottom: 0.16 } });
    this.layer = new TradeLayer();
    this.candles.attachPrimitive(this.layer);
    this.unpacked = new Map(); this.levels = new Map(); this.pinned = null; this.symbol = null;
    register(this.chart, () => this.paint());
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.rangeChanged());
    this.chart.subscribeCrosshairMove((event) => this.pointed(event));
    this.chart.subscribeClick((event) => { const trade = this.layer.find(event.point); if (trade) choose(trade, { zoom: false }); });
  }

  paint() {
    const up = colour("up"), down = colour("down");
    this.candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    this.layer.recolour();
    if (this.shown) this.setBars(this.shown);
  }

  setBars(level) {
    const up = faded(colour("up"), 0.35), down = faded(colour("down"), 0.35), count = level.time.length;
    const bars = new Array(count), volumes = new Array(count);
    for (let i = 0; i < count; i++) {
      bars[i] = { time: level.time[i], open: level.open[i], high: level.high[i], low: level.low[i], close: level.close[i] };
      volumes[i] = { time: level.time[i], value: level.volume[i], color: level.close[i] < level.open[i] ? down : up };
    }
    this.candles.setData(bars); this.volume.setData(volumes);
  }

  async show(symbol) {
    const packed = report.candles.find((one) => one.symbol === symbol);
    if (!this.unpacked.has(symbol)) this.unpacked.set(symbol, await unpackCandles(packed));
    this.symbol = symbol; this.base = this.unpacked.get(symbol); this.pinned = null; this.shown = null;
    this.list = trades.filter((trade) => trade.symbol === symbol).sort((a, b) => a.opened - b.opened);
    this.layer.decimals = packed.decimals;
    this.candles.applyOptions({ priceFormat: { type: "custom", minMove: 10 ** -packed.decimals, formatter: (value) => number(value, packed.decimals) } });
    this.available = INTERVALS.filter(([seconds]) => seconds >= this.base.interval && seconds % this.base.interval === 0 && (seconds === this.base.interval || this.base.time.length * this.base.interval / seconds > 20));
    this.listIntervals();
    this.whole();
  }

  level(interval) {
    const key = this.symbol + interval;
    if (!this.levels.has(key)) this.levels.set(key, coarser(this.base, interval));
    return this.levels.get(key);
  }

  // As many candles as can still be told apart.
  readable() { return Math.max(220, this.chart.timeScale().width() / 2.2); }

  // The interval at which a stretch of time has a readable number of candles.
  suited(seconds) {
    const bars = this.readable();
    return (this.available.find(([interval]) => seconds / interval <= bars) || this.available[this.available.length - 1])[0];
  }

  setLevel(interval, from, to) {
    const level = this.level(interval);
    this.switching = true; this.range = [from, to];
    if (this.shown !== level) {
      this.shown = level; this.setBars(level);
      this.layer.place(this.list, level.time);
      this.chart.timeScale().applyOptions({ secondsVisible: interval < 60, timeVisible: interval < 86400 });
    }
    const place = (time) => { const at = above(level.time, time) - 1; return at < 0 ? (time - level.time[0]) / interval : at + Math.min((time - level.time[at]) / interval, time > level.time[level.time.length - 1] ? Infinity : 1); };
    this.chart.timeScale().setVisibleLogicalRange({ from: place(from), to: place(to) });
    requestAnimationFrame(() => requestAnimationFrame(() => { this.switching = false; }));
    for (const button of byId("intervals").children) {
      button.setAttribute("aria-pressed", String(this.pinned === null ? button.value === "auto" : button.value === String(this.pinned)));
      button.classList.toggle("now", this.pinned === null && button.value === String(interval));
    }
  }

  span() {
    const range = this.chart.timeScale().getVisibleLogicalRange(), { time, interval } = this.shown, last = time.length - 1;
    const at = (index) => { const whole = Math.floor(index); return whole < 0 ? time[0] + index * interval : whole >= last ? time[last] + (index - last) * interval : time[whole] + (index - whole) * Math.min(interval, time[whole + 1] - time[whole]); };
    return [at(range.from), at(range.to)];
  }

  view(from, to) { this.setLevel(this.pinned === null ? this.suited(to - from) : this.pinned, from, to); }
  whole() { const { time, interval } = this.base; this.view(time[0] - interval, time[time.length - 1] + 2 * interval); }

  rangeChanged() {
    if (this.switching || !this.shown || this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.switching || !this.shown || !this.chart.timeScale().getVisibleLogicalRange()) return;
      this.range = this.span();
      const [from, to] = this.range, wanted = this.suited(to - from);
      if (this.pinned !== null) return;
      // Only a clear change switches, so that the picture does not flicker at a boundary.
      const ratio = (to - from) / this.shown.interval, bars = this.readable();
      if (wanted > this.shown.interval ? ratio > bars * 1.3 : wanted < this.shown.interval && (to - from) / wanted < bars * 0.8) this.setLevel(wanted, from, to);
    });
  }

  listIntervals() {
    const button = (value, text) => element("button", { type: "button", value, onclick: () => { const [from, to] = this.range; this.pinned = value === "auto" ? null : Number(value); this.view(from, to); } }, text);
    byId("intervals").replaceChildren(button("auto", "Auto"), ...this.available.map(([seconds, name]) => button(String(seconds), name)));
  }

  focus(trade) {
    const end = trade.open ? report.end : trade.closed, length = Math.max(end - trade.opened, this.base.interval * 12);
    this.view(trade.opened - length * 1.2, end + length * 0.8);
  }

  pointed(event) {
    const bar = event.seriesData && event.seriesData.get(this.candles), decimals = this.layer.decimals;
    const parts = bar ? [["", moment(bar.time, this.shown.interval < 60)], ["O", number(bar.open, decimals)], ["H", number(bar.high, decimals)], ["L", number(bar.low, decimals)], ["C", number(bar.close, decimals)], ["", signed(100 * (bar.close / bar.open - 1), 2) + " %"]] : [];
    byId("price-readout").replaceChildren(...parts.flatMap(([name, value]) => [name ? ` ${name} ` : " ", element("b", {}, value)]));
    const trade = this.layer.find(event.point);
    if (trade !== this.layer.hovered) { this.layer.hovered = trade; this.layer.refresh(); }
    this.tip(trade, event.point);
    byId("price-chart").style.cursor = trade ? "pointer" : "";
  }

  tip(trade, point) {
    const tip = byId("trade-tip");
    tip.hidden = !trade;
    if (!trade) return;
    const row = (name, value) => [element("dt", {}, name), element("dd", {}, value)], decimals = this.layer.decimals;
    tip.replaceChildren(
      element("h4", {}, element("span", {}, `Trade ${trade.id} · ${trade.trader}`), element("span", { class: tone(trade.pnl) }, `${signed(trade.pnl, 2)} ${report.quote}`)),
      element("dl", {}, ...row("Opened", moment(trade.opened)), ...row("Held", trade.open ? "still open" : duration(trade.seconds)), ...row("Quantity", trade.quantity), ...row("Entry", number(trade.entry, decimals)), ...row("Exit", number(trade.exit, decimals)), ...row("Stop", number(trade.stop, decimals)), ...row("Target", number(trade.target, decimals)), ...row("Result", signed(trade.percent, 2) + " %"), ...row("Exit by", trade.reason.replaceAll("_", " "))));
    const box = byId("price-chart").getBoundingClientRect();
    tip.style.left = `${point.x + 16 + tip.offsetWidth > box.width - 70 ? Math.max(4, point.x - tip.offsetWidth - 16) : point.x + 16}px`;
    tip.style.top = `${Math.max(4, Math.min(point.y + 12, box.height - tip.offsetHeight - 30))}px`;
  }
}
