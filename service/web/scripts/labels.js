// Names on the map as pictures. A browser shapes Khmer properly on a canvas (subscripts, vowels before their consonant),
// which the map's own text cannot; and no file of glyphs is needed.

const RATIO = 2;

/**
 * Draw a text with a halo.
 *
 * @param {string} text
 * @param {{font: string, ink: string, halo: string}} style
 * @returns {ImageData}
 */
export function textPicture(text, { font, ink, halo }) {
  const pen = context(1, 1);
  pen.font = font;
  const measured = pen.measureText(text);
  const up = Math.ceil(measured.actualBoundingBoxAscent) + 4;
  const down = Math.ceil(measured.actualBoundingBoxDescent) + 4;
  const width = Math.ceil(measured.width) + 8;
  const drawn = context(width * RATIO, (up + down) * RATIO);
  drawn.scale(RATIO, RATIO);
  drawn.font = font;
  drawn.lineJoin = "round";
  drawn.lineWidth = 3.5;
  drawn.strokeStyle = halo;
  drawn.strokeText(text, 4, up);
  drawn.fillStyle = ink;
  drawn.fillText(text, 4, up);
  return drawn.getImageData(0, 0, width * RATIO, (up + down) * RATIO);
}

/**
 * Draw a path, 24 by 24.
 *
 * @param {string} path
 * @param {{fill?: string, stroke?: string, width?: number}} style
 * @returns {ImageData}
 */
export function sign(path, { fill, stroke, width = 2 }) {
  const pen = context(24 * RATIO, 24 * RATIO);
  pen.scale(RATIO, RATIO);
  const shape = new Path2D(path);
  pen.lineJoin = pen.lineCap = "round";
  pen.lineWidth = width;
  if (stroke) {
    pen.strokeStyle = stroke;
    pen.stroke(shape);
  }
  if (fill) {
    pen.fillStyle = fill;
    pen.fill(shape);
  }
  return pen.getImageData(0, 0, 24 * RATIO, 24 * RATIO);
}

/**
 * @param {number} width
 * @param {number} height
 */
function context(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const found = canvas.getContext("2d", { willReadFrequently: true });
  if (!found) throw new Error("This browser has no canvas.");
  return found;
}

export { RATIO };
