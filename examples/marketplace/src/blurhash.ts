const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
const SIZE = 24; // pixels each way; the browser scales it

type Colour = [number, number, number];

/** Return a blurred preview of an image from its blurhash (https://blurha.sh); null if it is malformed. */
export function drawBlurhash(hash: string): HTMLCanvasElement | null {
  const colours = decode(hash);
  if (colours === null) return null;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext("2d");
  if (context === null) return null;
  const image = context.createImageData(SIZE, SIZE);
  const { columns, rows, values } = colours;
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const sum: Colour = [0, 0, 0];
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const basis = Math.cos((Math.PI * x * column) / SIZE) * Math.cos((Math.PI * y * row) / SIZE);
          values[row * columns + column]!.forEach((value, channel) => (sum[channel]! += value * basis));
        }
      }
      image.data.set([...sum.map(toSrgb), 255], 4 * (y * SIZE + x));
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Return the factors of the cosines of each row and column, in linear light. */
function decode(hash: string): { columns: number; rows: number; values: Colour[] } | null {
  const digits = [...hash].map((char) => DIGITS.indexOf(char));
  const number = (start: number, end: number) =>
    digits.slice(start, end).reduce((total, digit) => total * 83 + digit, 0);
  const [columns, rows] = [(number(0, 1) % 9) + 1, Math.floor(number(0, 1) / 9) + 1];
  if (digits.includes(-1) || rows > 9 || digits.length !== 4 + 2 * columns * rows) return null;
  const average = number(2, 6);
  const values: Colour[] = [[toLinear(average >> 16), toLinear((average >> 8) & 255), toLinear(average & 255)]];
  const most = (number(1, 2) + 1) / 166;
  for (let start = 6; start < digits.length; start += 2) {
    const value = number(start, start + 2);
    const steps = [Math.floor(value / 361), Math.floor(value / 19) % 19, value % 19];
    values.push(steps.map((step) => Math.sign(step - 9) * ((step - 9) / 9) ** 2 * most) as Colour);
  }
  return { columns, rows, values };
}

function toLinear(value: number): number {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function toSrgb(value: number): number {
  const share = Math.min(Math.max(value, 0), 1);
  return Math.round(255 * (share <= 0.0031308 ? share * 12.92 : 1.055 * share ** (1 / 2.4) - 0.055));
}
