/** `npm run nat-matrix -w @tsunagi/e2e`: which networks reach which, and how. See matrix.ts; `--help` tells the options. */
import { register } from "tsx/esm/api";

register();
await import("./matrix.ts");
