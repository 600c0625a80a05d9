/**
 * Draws the markers of a scene, in the size that zoom and number call for, the cheaper way: image
 * by image while there are few, pixel by pixel (blitter.js) when there are many.
 */
import { Atlas } from "./atlas.js";
import { Blitter } from "./blitter.js";

/** @typedef {import("./atlas.js").MarkerSize} MarkerSize */
/** @typedef {import("./palette.js").Palette} Palette */
/** @typedef {import("./scene.js").Scene} Scene */

/** More markers than this are drawn as dots, unless the map is close enough to part them. */
const DOTS_FROM = 3000;
const DOTS_BELOW_ZOOM = 14;
const SMALL_FROM = 700;

/** Zooms from which markers are of the next size. */
const NORMAL_ZOOM = 12;
const LARGE_ZOOM = 16;

/** From this many markers on, copying pixels is quicker than drawing images. */
const BLIT_FROM = 1200;

/** @param {number} count markers in view @param {number} zoom @returns {MarkerSize} */
export function markerSize(count, zoom) {
  if (count > DOTS_FROM && zoom < DOTS_BELOW_ZOOM) return "tiny";
  if (zoom < NORMAL_ZOOM || (count > SMALL_FROM && zoom < LARGE_ZOOM)) return "small";
  return zoom >= LARGE_ZOOM ? "large" : "normal";
}

export class Markers {
  /** @type {Map<string, Atlas>} */ #atlases = new Map();
  /** @type {Map<Atlas, Blitter>} */ #blitters = new Map();
  /** @type {ImageData | null} */ #image = null;

  /** @param {Palette} palette */
  constructor(palette) {
    this.palette = palette;
  }

  /** @param {Palette} palette */
  setPalette(palette) {
    this.palette = palette;
    this.#atlases.clear();
    this.#blitters.clear();
  }

  /** @param {MarkerSize} size @param {number} ratio device pixels per CSS pixel */
  atlas(size, ratio) {
    const key = `${size}|${ratio}`;
    let atlas = this.#atlases.get(key);
    if (!atlas) {
      atlas = new Atlas(this.palette, size, ratio);
      this.#atlases.set(key, atlas);
    }
    return atlas;
  }

  /** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Atlas} atlas */
  draw(context, scene, atlas) {
    if (scene.count >= BLIT_FROM) {
      this.#blit(context, scene, atlas);
      return;
    }
    for (let k = 0; k < scene.count; k += 1) {
      const i = scene.order[k];
      atlas.draw(context, scene.pictures[i], scene.x[i], scene.y[i]);
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Atlas} atlas */
  #blit(context, scene, atlas) {
    const { width, height } = context.canvas;
    if (this.#image?.width !== width || this.#image.height !== height) {
      this.#image = context.createImageData(width, height);
    }
    let blitter = this.#blitters.get(atlas);
    if (!blitter) {
      blitter = new Blitter(atlas);
      this.#blitters.set(atlas, blitter);
    }
    const pixels = new Uint32Array(this.#image.data.buffer);
    pixels.fill(0);
    blitter.draw({ pixels, width, height }, scene);
    context.putImageData(this.#image, 0, 0);
  }
}
