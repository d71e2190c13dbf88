/**
 * Runs in each measured page before its own scripts: notes when lines are drawn, when rows change,
 * and when what was drawn is on the screen.
 */
(() => {
  const probe = {
    /** Canvas -> each time that it was drawn: {lines, begun, ended, painted}. */
    passes: new Map(),
    /** Questions for series: {begun, ended}. */
    asked: [],
    firstLine: 0,
    lastLine: 0,
    lastRow: 0,
    /** Kind of event -> when it last came. */
    input: {},
    /** [what a chart tells its reader, time in ms since 1970] */
    told: [],
  };
  window.__probe = probe;

  const passOf = (canvas) => {
    let passes = probe.passes.get(canvas);
    if (!passes) probe.passes.set(canvas, (passes = []));
    if (passes.at(-1)?.open) return passes.at(-1);
    const pass = { lines: 0, begun: performance.now(), ended: 0, painted: 0, open: true };
    // What is drawn in one go is one pass.
    queueMicrotask(() => (pass.open = false));
    void probe.painted().then((now) => (pass.painted = now));
    passes.push(pass);
    return pass;
  };

  const stroke = CanvasRenderingContext2D.prototype.stroke;
  CanvasRenderingContext2D.prototype.stroke = function (...given) {
    // Axes and grids are strokes of the context's own path; lines are paths of their own.
    if (given[0] instanceof Path2D) {
      const pass = passOf(this.canvas);
      pass.lines += 1;
      pass.ended = probe.lastLine = performance.now();
      probe.firstLine ||= pass.ended;
    }
    return stroke.apply(this, given);
  };

  const ask = window.fetch;
  window.fetch = (...given) => {
    const address = String(given[0]?.url ?? given[0]);
    const answer = ask(...given);
    if (!address.endsWith('/series')) return answer;
    const own = { begun: performance.now(), ended: 0 };
    probe.asked.push(own);
    const end = () => (own.ended = performance.now());
    answer.then(end, end);
    return answer;
  };

  for (const type of ['pointerup', 'click', 'keydown']) {
    addEventListener(type, () => (probe.input[type] = performance.now()), true);
  }

  /** The time once that which is drawn now has been painted. */
  probe.painted = () =>
    new Promise((done) =>
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port2.onmessage = () => done(performance.now());
        port1.postMessage(0);
      }),
    );

  /** When a condition holds and is painted, looked at once a frame; null if it never does. */
  probe.when = async (holds, limit) => {
    const until = performance.now() + limit;
    while (!holds()) {
      if (performance.now() > until) return null;
      await new Promise((done) => requestAnimationFrame(done));
    }
    return probe.painted();
  };

  /** Of each chart in the document (made by uPlot): its passes since some time. */
  probe.charts = (since = 0) =>
    [...probe.passes]
      .filter(([canvas]) => canvas.closest('.uplot'))
      .map(([, passes]) => passes.filter((pass) => pass.begun > since));

  /** When the first pass since then with so many lines was painted on so many charts; or 0. */
  probe.allDrawn = (charts, lines = 1, since = 0) => {
    const firsts = probe.charts(since).map((all) => all.find((pass) => pass.lines >= lines));
    const done = firsts.filter((pass) => pass?.painted);
    return done.length >= charts ? Math.max(...done.map((pass) => pass.painted)) : 0;
  };

  /** Rows by their text: all trackers show the names of runs. */
  probe.rows = () => new Set(document.body?.textContent.match(/name-\d+/g)).size;

  /** Note when something changes in rows of a table, wherever that is put. */
  probe.watchRows = () =>
    new MutationObserver((all) => {
      const rows = all.some(({ target }) => {
        const element = target instanceof Element ? target : target.parentElement;
        return element?.closest('[role=row]:not([aria-rowindex="1"]), [role=rowgroup]');
      });
      if (rows) void probe.painted().then((now) => (probe.lastRow = now));
    }).observe(document.body, { subtree: true, childList: true, characterData: true });

  probe.watchCharts = () =>
    new MutationObserver((all) => {
      const texts = all.map((one) => one.target.getAttribute('aria-label'));
      void probe.painted().then(() => {
        for (const text of texts) probe.told.push([text, Date.now()]);
      });
    }).observe(document.body, { subtree: true, attributeFilter: ['aria-label'] });
})();
