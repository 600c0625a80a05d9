/**
 * Lines of longitude and latitude at a spacing that suits the zoom, and their labels; pure.
 */

/** Spacings in degrees that read well. */
const STEPS = [30, 20, 10, 5, 2, 1];

/** Two lines shall be about this far apart on the screen, pixels. */
const WISHED_PX = 150;

/** The finest spacing: 0.0005° is 55 m of latitude. */
const FINEST_DEG = 0.0005;

/**
 * The spacing in degrees at which lines are not closer than wished.
 * @param {number} pixelsPerDegree
 */
export function spacingDeg(pixelsPerDegree) {
  const wished = WISHED_PX / pixelsPerDegree;
  let chosen = STEPS[0];
  for (let power = 0; power >= -4; power -= 1) {
    for (const step of power === 0 ? STEPS : [5, 2, 1]) {
      const value = Number((step * 10 ** power).toFixed(6));
      if (value < FINEST_DEG || value < wished) return chosen;
      chosen = value;
    }
  }
  return chosen;
}

/**
 * Spacing of the fine lines between two of the others: quarters or fifths.
 * @param {number} spacing degrees
 */
export function fineSpacingDeg(spacing) {
  const leading = Number(spacing.toExponential()[0]);
  return spacing / (leading === 2 ? 4 : 5);
}

/**
 * The multiples of a spacing within a range, at most a hundred of them.
 * @param {number} low @param {number} high degrees @param {number} spacing degrees
 * @returns {number[]}
 */
export function lines(low, high, spacing) {
  const first = Math.ceil(low / spacing);
  const last = Math.min(Math.floor(high / spacing), first + 100);
  const result = [];
  for (let i = first; i <= last; i += 1) result.push(Number((i * spacing).toFixed(6)));
  return result;
}

/** Decimals that a label needs to tell its line from the next. @param {number} spacing degrees */
export function decimalsOf(spacing) {
  return Math.max(0, Math.ceil(-Math.log10(spacing) - 1e-9));
}

/**
 * @param {number} degrees @param {number} spacing degrees
 * @param {{north: string, south: string, east: string, west: string}} letters
 * @param {"lat" | "lon"} axis
 */
export function label(degrees, spacing, letters, axis) {
  const wrapped = axis === "lon" ? ((((degrees + 180) % 360) + 360) % 360) - 180 : degrees;
  const text = `${Math.abs(wrapped).toFixed(decimalsOf(spacing))}°`;
  if (wrapped === 0 || Math.abs(wrapped) === 180) return text;
  if (axis === "lat") return text + (wrapped > 0 ? letters.north : letters.south);
  return text + (wrapped > 0 ? letters.east : letters.west);
}
