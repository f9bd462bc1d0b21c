// The page: table of trades, filters, and what connects table and chart.
const PAGE_ROWS = 50;
const decimalsOf = Object.fromEntries(report.names.symbols.map((name, i) => [name, report.names.decimals[i]]));
const price = (key) => (trade) => number(trade[key], decimalsOf[trade.symbol]);
const COLUMNS = [
  { key: "id", name: "#", show: (trade) => String(trade.id) },
  { key: "symbol", name: "Symbol", text: true, show: (trade) => trade.symbol },
  { key: "trader", name: "Trader", text: true, only: () => report.names.traders.length > 1, show: (trade) => trade.trader },
  { key: "opened", name: "Opened (UTC)", text: true, show: (trade) => moment(trade.opened) },
  { key: "seconds", name: "Held", minor: true, show: (trade) => (trade.open ? "open" : duration(trade.seconds)) },
  { key: "entry", name: "Entry", show: price("entry") },
  { key: "exit", name: "Exit", show: price("exit") },
  { key: "pnl", name: "Result", result: true, show: (trade) => signed(trade.pnl, 2) },
  { key: "percent", name: "%", result: true, show: (trade) => signed(trade.percent, 2) },
  { key: "reason", name: "Exit by", text: true, show: (trade) => trade.reason.replaceAll("_", " ") },
  { key: "size", name: "Quantity", minor: true, show: (trade) => trade.quantity },
  { key: "stop", name: "Stop", minor: true, show: price("stop") },
  { key: "target", name: "Target", minor: true, show: price("target") },
  { key: "fees", name: "Fees", minor: true, show: (trade) => number(trade.fees, 3) },
  { key: "slippage", name: "Slippage", minor: true, show: (trade) => number(trade.slippage, 3) },
].filter((column) => !column.only || column.only());

let prices = null, shownTrades = trades, page = 0, sorting = { key: "opened", descending: false };

function refilter() {
  const text = byId("filter-text").value.trim().toLowerCase(), symbol = byId("filter-symbol").value, outcome = byId("filter-outcome").value, reason = byId("filter-reason").value;
  const outcomes = { "": () => true, win: (trade) => !trade.open && trade.pnl > 0, loss: (trade) => !trade.open && trade.pnl < 0, open: (trade) => trade.open };
  shownTrades = trades.filter((trade) => (!symbol || trade.symbol === symbol) && (!reason || trade.reason === reason) && outcomes[outcome](trade) &&
    (!text || COLUMNS.some((column) => column.show(trade).toLowerCase().includes(text))));
  const { key, descending } = sorting, way = descending ? -1 : 1;
  shownTrades.sort((a, b) => {
    const [one, other] = [a[key], b[key]];
    if (one === other) return a.id - b.id;
    if (one === null) return 1;
    if (other === null) return -1;
    return way * (typeof one === "string" ? one.localeCompare(other) : one - other);
  });
  page = 0;
  drawTable();
}

function drawTable() {
  const head = element("tr", {}, ...COLUMNS.map((column) => element("th", {
    class: [column.text ? "text" : "", column.minor ? "minor" : ""].join(" "), scope: "col", tabindex: "0", "aria-sort": sorting.key === column.key ? (sorting.descending ? "descending" : "ascending") : null,
    onclick: () => sortBy(column.key), onkeydown: (event) => { if (event.key === "Enter") sortBy(column.key); } }, column.name)));
  const rows = shownTrades.slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS).map((trade) => element("tr", { "data-id": trade.id, class: prices && prices.layer.chosen === trade ? "chosen" : null, onclick: () => choose(trade, { zoom: true }) },
    ...COLUMNS.map((column) => element("td", { class: [column.text ? "text" : "", column.minor ? "minor" : "", column.result ? `result ${tone(trade.pnl)}` : ""].join(" ") }, column.show(trade)))));
  byId("trade-table").tHead.replaceChildren(head);
  byId("trade-table").tBodies[0].replaceChildren(...rows);
  const pages = Math.max(1, Math.ceil(shownTrades.length / PAGE_ROWS)), total = shownTrades.reduce((sum, trade) => sum + (trade.open ? 0 : trade.pnl), 0);
  byId("trade-count").replaceChildren(`${shownTrades.length === trades.length ? "" : `${shownTrades.length} of `}${trades.length} trades · closed: `, element("b", { class: tone(total) }, `${signed(total, 2)} ${report.quote}`), report.left_out ? ` · ${report.left_out} older trades left out` : "");
  byId("page-number").textContent = `${page + 1} / ${pages}`;
  byId("page-previous").disabled = page === 0; byId("page-next").disabled = page >= pages - 1;
}

function sortBy(key) {
  sorting = { key, descending: sorting.key === key ? !sorting.descending : ["pnl", "percent"].includes(key) };
  refilter();
}

async function choose(trade, { zoom }) {
  if (prices) {
    if (prices.symbol !== trade.symbol && report.candles.some((one) => one.symbol === trade.symbol)) await showSymbol(trade.symbol);
    prices.layer.chosen = trade; prices.layer.refresh();
    if (prices.symbol === trade.symbol && zoom) { prices.focus(trade); byId("market").scrollIntoView({ behavior: "smooth", block: "nearest" }); }
    const at = prices.list.indexOf(trade);
    byId("which-trade").textContent = at < 0 ? `trade ${trade.id}` : `trade ${at + 1} of ${prices.list.length}`;
  }
  for (const row of byId("trade-table").tBodies[0].rows) row.classList.toggle("chosen", row.dataset.id === String(trade.id));
}

function step(way) {
  if (!prices || !prices.list.length) return;
  const at = prices.list.indexOf(prices.layer.chosen);
  choose(prices.list[at < 0 ? (way > 0 ? 0 : prices.list.length - 1) : (at + way + prices.list.length) % prices.list.length], { zoom: true });
}

async function showSymbol(symbol) {
  for (const button of byId("symbols").children) button.setAttribute("aria-pressed", String(button.value === symbol));
  prices.layer.chosen = prices.layer.hovered = null;
  byId("which-trade").textContent = "no trade chosen";
  await prices.show(symbol);
}

function downloadCsv() {
  const plain = { opened: (trade) => moment(trade.opened).replace(" ", "T") + "Z", seconds: (trade) => trade.seconds, size: (trade) => trade.size };
  const cell = (value) => { const text = value === null || value === undefined ? "" : String(value); return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : /^[=+@]/.test(text) ? `'${text}` : text; };
  const lines = [COLUMNS.map((column) => column.key), ...shownTrades.map((trade) => COLUMNS.map((column) => cell((plain[column.key] || ((one) => one[column.key]))(trade))))];
  const link = element("a", { href: URL.createObjectURL(new Blob([lines.map((line) => line.join(",")).join("\n") + "\n"], { type: "text/csv" })), download: "trades.csv" });
  link.click();
  URL.revokeObjectURL(link.href);
}

function theme() {
  const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("fillwright-theme", root.dataset.theme); } catch { /* storage may be off */ }
  charts.forEach((repaint) => repaint());
}

function options(id, all, names) { byId(id).replaceChildren(element("option", { value: "" }, all), ...names.map((name) => element("option", { value: name }, name.replaceAll("_", " ")))); }

async function start() {
  options("filter-symbol", "All symbols", report.names.symbols); options("filter-reason", "All exits", report.names.reasons);
  byId("filter-symbol").hidden = report.names.symbols.length < 2;
  for (const id of ["filter-text", "filter-symbol", "filter-outcome", "filter-reason"]) byId(id).addEventListener("input", refilter);
  byId("page-previous").addEventListener("click", () => { page--; drawTable(); }); byId("page-next").addEventListener("click", () => { page++; drawTable(); });
  byId("download").addEventListener("click", downloadCsv); byId("theme").addEventListener("click", theme);
  byId("previous-trade").addEventListener("click", () => step(-1)); byId("next-trade").addEventListener("click", () => step(1));
  byId("whole-run").addEventListener("click", () => prices && prices.shown && prices.whole());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((repaint) => repaint()));
  addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") { step(event.key === "ArrowLeft" ? -1 : 1); event.preventDefault(); }
  });
  refilter();
  equityChart();
  daysChart();
  if (!report.candles.length || typeof DecompressionStream === "undefined") {
    byId("price-chart").replaceChildren(element("div", { class: "empty" }, report.candles.length ? "This browser is too old to show the candles." : "No candles were kept for this run."));
    return;
  }
  prices = new PriceChart();
  byId("symbols").replaceChildren(...(report.candles.length > 1 ? report.candles.map((one) => element("button", { type: "button", value: one.symbol, onclick: () => showSymbol(one.symbol) }, one.symbol)) : []));
  const busiest = report.candles.reduce((best, one) => (trades.filter((trade) => trade.symbol === one.symbol).length > trades.filter((trade) => trade.symbol === best).length ? one.symbol : best), report.candles[0].symbol);
  await showSymbol(busiest);
  const wanted = /^#trade-(\d+)$/.exec(location.hash), found = wanted && trades.find((trade) => trade.id === Number(wanted[1]));
  if (found) choose(found, { zoom: true });
}
start();
