/** What the tests need of the system: Debian's packages, each with its reason and a file that tells whether it is there. */
import { existsSync } from "node:fs";
import { PlainError, run, secondsSince } from "./run.mjs";

/** `parts`: the parts of the test run that need it. `optional`: they run without it too, slower. */
export const SYSTEM_PACKAGES = [
  {
    name: "chromium",
    file: "/usr/bin/chromium",
    parts: ["browsers", "interop", "examples"],
    why: "one of the two browsers that calls are tested in",
  },
  {
    name: "chromium-headless-shell",
    file: "/usr/bin/chromium-headless-shell",
    parts: ["browsers", "interop"],
    why: "its engine without windows, for the many pages that only talk to each other: a quarter of the work for each",
    optional: true,
  },
  { name: "firefox-esr", file: "/usr/bin/firefox-esr", parts: ["browsers", "interop"], why: "the other browser" },
  {
    name: "fonts-noto-cjk",
    file: "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    parts: ["browsers"],
    why: "Japanese text is measured and pictured as people see it",
  },
  {
    name: "pulseaudio",
    file: "/usr/bin/pulseaudio",
    parts: ["browsers", "interop"],
    why: "Firefox runs no AudioContext where no sound device opens",
  },
  {
    name: "iproute2",
    file: "/usr/sbin/ip",
    parts: ["browsers"],
    why: "network namespaces: hosts of their own, cut cables, changed addresses",
  },
  { name: "nftables", file: "/usr/sbin/nft", parts: ["browsers"], why: "silent loss of packets in those namespaces" },
  {
    name: "gcc",
    file: "/usr/bin/gcc",
    parts: ["browsers", "interop"],
    why: "compiles the link emulator, which needs TAP devices",
  },
  {
    name: "ffmpeg",
    file: "/usr/bin/ffmpeg",
    parts: ["browsers"],
    why: "decodes what the SFU was recorded to forward: a decoder that was not written here",
  },
  { name: "libc6-dev", file: "/usr/include/stdio.h", parts: ["browsers", "interop"], why: "what a C program includes" },
  {
    name: "coturn",
    file: "/usr/bin/turnutils_stunclient",
    parts: ["interop", "bench"],
    why: "its clients speak to our server, and its server is what ours is compared with",
  },
  {
    name: "simple-whip-client",
    file: "/usr/bin/whip-client",
    parts: ["interop"],
    why: "GStreamer as a WHIP client that was not written here",
  },
  {
    name: "postgresql",
    file: "/usr/lib/postgresql",
    parts: ["unit"],
    why: "the store's contract battery runs on PostgreSQL too",
  },
];

const APT = "/usr/bin/apt-get";

/** @throws {PlainError} with the command that installs what is missing, when this process may not */
export async function ensureSystemPackages(parts) {
  const missing = SYSTEM_PACKAGES.filter((each) => each.parts.some((part) => parts.includes(part)) && !existsSync(each.file));
  const needed = missing.filter(({ optional }) => !optional);
  const mayInstall = existsSync(APT) && process.getuid?.() === 0;
  if (missing.length === 0 || (needed.length === 0 && !mayInstall)) return;
  const names = needed.map(({ name }) => name);
  if (!mayInstall) {
    const reasons = needed.map(({ name, why }) => `  ${name}: ${why}`).join("\n");
    const how = existsSync(APT)
      ? `Install them with:\n  sudo apt-get install -y --no-install-recommends ${names.join(" ")}`
      : "This system has no apt-get: install their equivalents, or run a part that needs none with --only.";
    const error = new PlainError(`The tests need programs that are not here:\n${reasons}\n${how}`);
    error.exitCode = 2;
    throw error;
  }
  process.stdout.write(`Installing ${missing.map(({ name }) => name).join(", ")} … `);
  const startedAt = performance.now();
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const update = await run(APT, ["update", "-qq"], { env });
  const install = (packages) => run(APT, ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env });
  // All at once, and without what only some releases have where that fails.
  let result = await install(missing.map(({ name }) => name));
  if (result.code !== 0 && needed.length < missing.length)
    result = needed.length === 0 ? { code: 0, output: "" } : await install(names);
  if (result.code !== 0) {
    console.log("failed");
    throw new PlainError(
      `${update.output.trim()}\n${result.output.trim()}\n\napt-get could not install ${names.join(", ")}: the text above says why.`,
    );
  }
  console.log(secondsSince(startedAt));
}
