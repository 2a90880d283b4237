/** The picture that a pretended camera shows: small, so that software encoders leave the machine's cores to what is tested. */
import { writeFileSync } from "node:fs";

const WIDTH = 320;
const HEIGHT = 180;
const FRAMES_PER_SECOND = 15;
const BAR = 20;

/** Writes one second, which is shown over and over: a light bar that wanders over a coloured ground, once across. YUV4MPEG2, 4:2:0. */
export function writeCamera(path: string): void {
  const [light, chroma] = [WIDTH * HEIGHT, (WIDTH * HEIGHT) / 4];
  const parts: Uint8Array[] = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`)];
  for (let frame = 0; frame < FRAMES_PER_SECOND; frame++) {
    const bytes = new Uint8Array(light + 2 * chroma);
    const left = Math.floor((frame / FRAMES_PER_SECOND) * (WIDTH - BAR));
    for (let y = 0; y < HEIGHT; y++) {
      bytes.fill(90, y * WIDTH, (y + 1) * WIDTH);
      bytes.fill(220, y * WIDTH + left, y * WIDTH + left + BAR);
    }
    bytes.fill(160, light, light + chroma).fill(110, light + chroma);
    parts.push(Buffer.from("FRAME\n"), bytes);
  }
  writeFileSync(path, Buffer.concat(parts));
}
