// Trades drawn over the candles: zones from entry to stop and to target, the way from entry to exit, and marks.
class TradeLayer {
  constructor() { this.trades = []; this.chosen = null; this.hovered = null; this.colours = {}; this.view = { zOrder: () => "top", renderer: () => ({ draw: (target) => target.useMediaCoordinateSpace((scope) => this.draw(scope.context, scope.mediaSize)) }) }; }
  attached({ chart, series, requestUpdate }) { this.chart = chart; this.series = series; this.requestUpdate = requestUpdate; }
  detached() { this.chart = null; }
  updateAllViews() {}
  paneViews() { return [this.view]; }
  recolour() { this.colours = Object.fromEntries(["up", "down", "accent", "text", "muted", "card"].map((name) => [name, colour(name)])); this.refresh(); }
  refresh() { if (this.requestUpdate) this.requestUpdate(); }

  // `times` are the opening times of the candles shown; a trade is placed on the candle that it happened in.
  place(list, times) {
    const last = times.length - 1;
    this.trades = list.map((trade) => {
      const start = Math.max(0, above(times, trade.opened) - 1);
      const end = trade.open ? last : Math.max(0, above(times, trade.closed) - 1);
      return { trade, start, end: Math.max(start, end) };
    });
    this.refresh();
  }

  // Stops and targets are part of the picture when few trades are in it.
  autoscaleInfo(start, end) {
    const shown = this.trades.filter((placed) => placed.end >= start && placed.start <= end);
    if (!shown.length || shown.length > 40) return null;
    const prices = shown.flatMap(({ trade }) => [trade.entry, trade.exit, trade.stop, trade.target]).filter((price) => price !== null);
    return { priceRange: { minValue: Math.min(...prices), maxValue: Math.max(...prices) } };
  }

  x(index) { return this.origin + index * this.spacing; }
  measure() {
    const scale = this.chart.timeScale();
    this.origin = scale.logicalToCoordinate(0); this.spacing = scale.logicalToCoordinate(1) - this.origin;
  }

  draw(context, size) {
    if (!this.chart || !this.trades.length) return;
    this.measure();
    const shown = this.trades.filter((placed) => this.x(placed.end) > -20 && this.x(placed.start) < size.width + 20);
    const zones = shown.length <= 300, lines = shown.length <= 1500;
    for (const placed of shown) if (zones || placed.trade === this.chosen) this.drawZones(context, placed, size);
    for (const placed of shown) this.drawWay(context, placed, lines, zones);
  }

  drawZones(context, { trade, start, end }, size) {
    const y = (price) => this.series.priceToCoordinate(price);
    const left = this.x(start), right = Math.max(this.x(end), left + Math.max(this.spacing, 4)), entry = y(trade.entry);
    const strong = trade === this.chosen || trade === this.hovered;
    if (right - left < 10 && !strong) return;
    const zone = (price, base) => {
      if (price === null) return;
      const level = y(price);
      if (level === null || entry === null) return;
      // A stop that was moved into profit takes no risk: a line, no zone.
      if (base !== this.colours.down || trade.short === (trade.stop > trade.entry)) {
        context.fillStyle = faded(base, strong ? 0.2 : 0.09);
        context.fillRect(left, Math.min(level, entry), right - left, Math.abs(level - entry));
      }
      context.strokeStyle = faded(base, strong ? 1 : 0.65); context.lineWidth = 1; context.setLineDash([]);
      context.beginPath(); context.moveTo(left, Math.round(level) + 0.5); context.lineTo(right, Math.round(level) + 0.5); context.stroke();
      if (strong && right - left > 90 && right > 0 && left < size.width) {
        context.font = "11px system-ui, sans-serif"; context.fillStyle = base;
        const below = base === this.colours.down;
        context.fillText(`${below ? "stop" : "target"} ${number(price, this.decimals)}`, Math.max(left, 0) + 5, level + (below ? 13 : -5));
      }
    };
    zone(trade.stop, this.colours.down); zone(trade.target, this.colours.up);
  }

  drawWay(context, { trade, start, end }, lines, marks) {
    const y0 = this.series.priceToCoordinate(trade.entry), y1 = trade.exit === null ? null : this.series.priceToCoordinate(trade.exit);
    if (y0 === null) return;
    const x0 = this.x(start), x1 = this.x(end), strong = trade === this.chosen || trade === this.hovered;
    const shade = trade.pnl > 0 ? this.colours.up : trade.pnl < 0 ? this.colours.down : this.colours.muted;
    if (y1 !== null && (lines || strong)) {
      context.strokeStyle = faded(shade, strong ? 1 : 0.8); context.lineWidth = strong ? 2 : 1.2; context.setLineDash(marks ? [4, 3] : []);
      context.beginPath(); context.moveTo(x0, y0); context.lineTo(x1, y1); context.stroke(); context.setLineDash([]);
    }
    const size = strong ? 6 : marks ? Math.min(5, 2.5 + this.spacing / 4) : 2;
    if (marks || strong) this.drawArrow(context, x0, y0, size, trade.short);
    if (y1 !== null) {
      context.beginPath(); context.arc(x1, y1, marks || strong ? size * 0.8 : 1.6, 0, 2 * Math.PI);
      context.fillStyle = shade; context.fill();
      if (marks || strong) { context.strokeStyle = this.colours.card; context.lineWidth = 1; context.stroke(); }
    }
  }

  drawArrow(context, x, y, size, down) {
    const way = down ? -1 : 1;
    context.beginPath(); context.moveTo(x, y + way * 1); context.lineTo(x - size, y + way * (1 + size * 1.7)); context.lineTo(x + size, y + way * (1 + size * 1.7)); context.closePath();
    context.fillStyle = this.colours.accent; context.fill(); context.strokeStyle = this.colours.card; context.lineWidth = 1; context.stroke();
  }

  // The trade under the pointer: the one whose way from entry to exit passes nearest.
  find(point) {
    if (!this.chart || !point) return null;
    this.measure();
    let best = null, distance = 24;
    for (const { trade, start, end } of this.trades) {
      const x0 = this.x(start), x1 = this.x(end);
      if (point.x < x0 - 8 || point.x > x1 + 8) continue;
      const y0 = this.series.priceToCoordinate(trade.entry), y1 = trade.exit === null ? y0 : this.series.priceToCoordinate(trade.exit);
      const share = x1 > x0 ? Math.min(1, Math.max(0, (point.x - x0) / (x1 - x0))) : 0;
      const away = Math.abs(point.y - (y0 + (y1 - y0) * share));
      if (away < distance) { best = trade; distance = away; }
    }
    return best;
  }
}
