// A map on a canvas: streets, routes, stops. Positions are longitude, latitude; the plane is true near the middle.

const COLOURS = ["#4477aa", "#ee6677", "#228833", "#ee7733", "#aa3377", "#0099cc", "#bba622", "#009988", "#cc3311", "#8866cc"];
const MAJOR = /^(motorway|trunk|primary|secondary|tertiary)/;
const FIRST_NUMBERS_PX_PER_M = 0.35; // stops are numbered once they stand far enough apart
export const colour = (number) => COLOURS[number % COLOURS.length];

export class RouteMap {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.streets = { minor: new Path2D(), major: new Path2D() };
    this.clear();
    this.origin = [0, 0];
    this.squeeze = 1;
    this.scale = 1; // pixels per metre
    this.centre = [0, 0]; // metres
    this.pointers = new Map();
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.listen();
  }

  clear() {
    this.routes = [];
    this.unserved = [];
    this.places = [];
    this.chosen = null;
  }

  metres([lon, lat]) {
    return [(lon - this.origin[0]) * 111195 * this.squeeze, (this.origin[1] - lat) * 111195];
  }

  setCity(streets, depots, sites) {
    this.clear();
    const first = depots.features[0].geometry.coordinates;
    this.origin = first;
    this.squeeze = Math.cos((first[1] * Math.PI) / 180);
    this.streets = { minor: new Path2D(), major: new Path2D() };
    for (const { geometry, properties } of streets.features) {
      this.trace(MAJOR.test(properties.highway) ? this.streets.major : this.streets.minor, geometry.coordinates);
    }
    this.places = [
      ...depots.features.map((f) => ({ at: this.metres(f.geometry.coordinates), name: f.id, square: true })),
      ...sites.features.map((f) => ({ at: this.metres(f.geometry.coordinates), name: f.id, square: false })),
    ];
    this.extent = streets.features.flatMap((f) => f.geometry.coordinates.map((c) => this.metres(c)));
    this.fit();
  }

  setPlan(geojson, order) {
    this.routes = order.map((shift, number) => ({ shift, colour: colour(number), path: new Path2D(), stops: [] }));
    this.unserved = [];
    const byShift = new Map(this.routes.map((route) => [route.shift, route]));
    for (const { geometry, properties } of geojson.features) {
      const route = byShift.get(properties.shift);
      if (properties.kind === "trip") this.trace(route.path, geometry.coordinates);
      else if (properties.kind === "visit") {
        route.stops.push({ at: this.metres(geometry.coordinates), number: properties.stop_number });
      } else if (properties.kind === "unserved" && geometry) this.unserved.push(this.metres(geometry.coordinates));
    }
    const stops = [...this.routes.flatMap((route) => route.stops.map((stop) => stop.at)), ...this.unserved];
    if (stops.length) this.extent = stops;
    this.fit();
  }

  choose(shift) {
    this.chosen = shift;
    const route = this.routes.find((one) => one.shift === shift);
    this.fit(route && route.stops.length ? route.stops.map((stop) => stop.at) : this.extent);
  }

  trace(path, coordinates) {
    coordinates.forEach((position, index) => {
      const [x, y] = this.metres(position);
      if (index) path.lineTo(x, y);
      else path.moveTo(x, y);
    });
  }

  fit(points = this.extent) {
    if (!points || !points.length) return;
    let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const [x, y] of points) {
      [west, north, east, south] = [Math.min(west, x), Math.min(north, y), Math.max(east, x), Math.max(south, y)];
    }
    this.centre = [(west + east) / 2, (north + south) / 2];
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.scale = Math.min((width - 50) / Math.max(east - west, 300), (height - 50) / Math.max(south - north, 300));
    this.draw();
  }

  zoom(factor, at = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]) {
    const dx = at[0] - this.canvas.clientWidth / 2;
    const dy = at[1] - this.canvas.clientHeight / 2;
    const next = Math.min(Math.max(this.scale * factor, 0.0005), 8);
    this.centre[0] += dx / this.scale - dx / next;
    this.centre[1] += dy / this.scale - dy / next;
    this.scale = next;
    this.draw();
  }

  move(dx, dy) {
    this.centre[0] -= dx / this.scale;
    this.centre[1] -= dy / this.scale;
    this.draw();
  }

  listen() {
    const { canvas, pointers } = this;
    const local = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, local(event));
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => pointers.delete(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = local(event);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      pointers.set(event.pointerId, now);
      if (other) {
        const apart = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]) || 1;
        this.zoom(apart(now) / apart(before), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
        this.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
      } else this.move(now[0] - before[0], now[1] - before[1]);
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), local(event));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
      if (moves[event.key]) this.move(...moves[event.key]);
      else if (event.key === "+" || event.key === "=") this.zoom(1.4);
      else if (event.key === "-") this.zoom(1 / 1.4);
      else return;
      event.preventDefault();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    this.fit();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      this.paint();
    });
  }

  paint() {
    const { pen, canvas, scale } = this;
    const ratio = devicePixelRatio || 1;
    const css = getComputedStyle(document.documentElement);
    const ink = (name) => css.getPropertyValue(name).trim();
    const toScreen = ([x, y]) => [(x - this.centre[0]) * scale + canvas.clientWidth / 2, (y - this.centre[1]) * scale + canvas.clientHeight / 2];
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const [left, top] = toScreen([0, 0]);
    pen.setTransform(scale * ratio, 0, 0, scale * ratio, left * ratio, top * ratio);
    pen.lineCap = pen.lineJoin = "round";
    const stroke = (path, style, px, alpha = 1) => {
      pen.globalAlpha = alpha;
      pen.strokeStyle = style;
      pen.lineWidth = px / scale;
      pen.stroke(path);
    };
    stroke(this.streets.minor, ink("--minor"), Math.max(1, Math.min(6, scale * 6)));
    stroke(this.streets.major, ink("--major"), Math.max(2, Math.min(10, scale * 10)));
    const last = (route) => route.shift === this.chosen;
    const routes = [...this.routes].sort((a, b) => last(a) - last(b));
    const faint = (route) => (this.chosen && !last(route) ? 0.22 : 0.85);
    for (const route of routes) stroke(route.path, route.colour, last(route) ? 4.5 : 3, faint(route));
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const numbered = scale > FIRST_NUMBERS_PX_PER_M;
    pen.font = "600 11px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineWidth = 1.5;
    for (const route of routes) {
      pen.globalAlpha = faint(route);
      for (const stop of route.stops) {
        const [x, y] = toScreen(stop.at);
        if (x < -20 || y < -20 || x > canvas.clientWidth + 20 || y > canvas.clientHeight + 20) continue;
        pen.beginPath();
        pen.arc(x, y, numbered ? 10 : 4, 0, 7);
        pen.fillStyle = route.colour;
        pen.strokeStyle = "#fff";
        pen.fill();
        pen.stroke();
        if (numbered) {
          pen.fillStyle = "#fff";
          pen.fillText(stop.number, x, y + 0.5);
        }
      }
    }
    pen.globalAlpha = 1;
    pen.strokeStyle = ink("--bad");
    pen.lineWidth = 2;
    for (const at of this.unserved) {
      const [x, y] = toScreen(at);
      pen.stroke(new Path2D(`M${x - 4} ${y - 4}l8 8m0-8l-8 8`));
    }
    pen.font = "600 13px system-ui, sans-serif";
    for (const { at, name, square } of this.places) this.paintPlace(pen, toScreen(at), name, square, ink);
  }

  // A depot (square) or disposal site (triangle); one outside the view is pointed at from its edge.
  paintPlace(pen, [x, y], name, square, ink) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const inside = x > 0 && y > 0 && x < width && y < height;
    const [dx, dy] = [x - width / 2, y - height / 2];
    const reach = inside ? 1 : Math.min((width / 2 - 18) / Math.abs(dx || 1), (height / 2 - 18) / Math.abs(dy || 1));
    const [px, py] = [width / 2 + dx * reach, height / 2 + dy * reach];
    pen.save();
    pen.translate(px, py);
    if (!inside) pen.rotate(Math.atan2(dy, dx));
    const sign = new Path2D(inside ? (square ? "M-7-7h14v14h-14z" : "M0-9l9 15h-18z") : "M-7-7l14 7l-14 7l3-7z");
    pen.fillStyle = ink("--ink");
    pen.strokeStyle = ink("--page");
    pen.lineWidth = 2;
    pen.stroke(sign);
    pen.fill(sign);
    pen.restore();
    pen.fillStyle = ink("--ink");
    pen.strokeStyle = ink("--page");
    const far = Math.hypot(dx, dy) / this.scale / 1000;
    const text = inside ? name : `${name}, ${far < 10 ? far.toFixed(1) : far.toFixed(0)} km`;
    const right = px < width * 0.7;
    pen.textAlign = right ? "left" : "right";
    pen.lineWidth = 4;
    pen.strokeText(text, px + (right ? 13 : -13), py);
    pen.fillText(text, px + (right ? 13 : -13), py);
  }
}
