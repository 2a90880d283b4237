import { expect, it } from "vitest";
import { normalPath } from "./options.ts";

it("a path has one slash before it and none after it, the root is empty", () => {
  expect(["/", "", "//", "/peerjs", "peerjs/", "/a//b/"].map(normalPath)).toEqual(["", "", "", "/peerjs", "/peerjs", "/a/b"]);
});
