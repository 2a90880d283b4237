/**
 * Cameras for pictures of the app: four drawn people, as films that Chromium's fake camera plays (`--use-file-for-fake-video-capture`).
 * Drawn as SVG, rasterised by Chromium, joined by ffmpeg.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FRAMES = 20;
const RATE = 10;

const PEOPLE = {
  mika: { wall: "#d9d3c7", light: "#efe9dd", skin: "#f0c9a8", hair: "#2b211c", shirt: "#2b3f8c", thing: "plant", cut: "bob" },
  tom: { wall: "#51604f", light: "#65775f", skin: "#e0ac86", hair: "#7a4a2a", shirt: "#c9b79a", thing: "shelf", cut: "short" },
  aiko: { wall: "#c7b2a3", light: "#dccabd", skin: "#f3d2b5", hair: "#1f1a18", shirt: "#7c3f45", thing: "window", cut: "long" },
  sam: { wall: "#40506b", light: "#536684", skin: "#8a5a3c", hair: "#191412", shirt: "#d8a24a", thing: "lamp", cut: "curly" },
};

const THINGS = {
  plant: `<g transform="translate(1010 360)"><path d="M20 220h110l-16 130H36z" fill="#a8583c"/><g fill="#4d6b47"><ellipse cx="75" cy="120" rx="26" ry="120"/><ellipse cx="25" cy="150" rx="22" ry="100" transform="rotate(-28 25 150)"/><ellipse cx="125" cy="150" rx="22" ry="100" transform="rotate(28 125 150)"/></g></g>`,
  shelf: `<g transform="translate(60 150)"><rect width="330" height="16" y="150" fill="#3a2c20"/><rect width="330" height="16" y="340" fill="#3a2c20"/><g><rect x="20" y="30" width="34" height="120" fill="#b5533c"/><rect x="58" y="50" width="28" height="100" fill="#d9cdb6"/><rect x="92" y="20" width="40" height="130" fill="#39507a"/><rect x="190" y="60" width="90" height="90" rx="10" fill="#c9a85c"/><rect x="40" y="230" width="46" height="110" fill="#8a9a6a"/><rect x="92" y="210" width="34" height="130" fill="#e4dac6"/><rect x="200" y="240" width="40" height="100" fill="#7b4a52"/></g></g>`,
  window: `<g transform="translate(880 80)"><rect width="320" height="400" rx="6" fill="#f5f0e8"/><rect x="16" y="16" width="138" height="368" fill="#a9c4d6"/><rect x="166" y="16" width="138" height="368" fill="#b9d0de"/><path d="M16 300q70-60 138-10v94H16z" fill="#7f9a7a"/><path d="M166 280q70 40 138-20v124H166z" fill="#8ba585"/></g>`,
  lamp: `<g transform="translate(120 130)"><circle cx="110" cy="110" r="170" fill="#ffe2a8" opacity=".22"/><path d="M50 150 80 40h60l30 110z" fill="#ffe6b5"/><rect x="104" y="150" width="12" height="420" fill="#20242c"/></g>`,
};

const HAIR = {
  bob: (c) =>
    `<path d="M505 330c-10-150 60-215 140-215s150 65 138 215l-4 95c-20 10-40-10-46-40 10-90-30-130-60-150-50 40-110 50-122 60 0 60-4 110-16 135-16 0-28-40-30-100z" fill="${c}"/>`,
  short: (c) =>
    `<path d="M520 300c-16-130 50-190 128-186 84 4 136 70 116 190-8-30-20-60-36-78-70 6-130-6-160-26-20 24-40 60-48 100z" fill="${c}"/>`,
  long: (c) =>
    `<path d="M500 330c-14-150 64-222 146-222s158 72 142 222c-4 110 18 210 40 260-40 20-80 10-104-20 14-110 12-250-24-330-50 40-116 40-134 60-6 110-6 190-2 270-30 30-70 30-98 14 24-60 40-150 34-254z" fill="${c}"/>`,
  curly: (c) =>
    `<g fill="${c}"><circle cx="545" cy="235" r="58"/><circle cx="590" cy="170" r="62"/><circle cx="660" cy="150" r="66"/><circle cx="725" cy="190" r="60"/><circle cx="750" cy="250" r="52"/></g>`,
};

function draw({ wall, light, skin, hair, shirt, thing, cut }, frame) {
  const turn = (frame / FRAMES) * 2 * Math.PI;
  const dx = Math.sin(turn) * 7;
  const dy = Math.cos(turn * 2) * 3;
  const eye = frame === 13 ? 2 : 11;
  const mouth = 12 + 9 * Math.abs(Math.sin(turn * 2));
  const back = cut === "long" || cut === "bob" ? HAIR[cut](hair) : "";
  const front =
    cut === "short" || cut === "curly"
      ? HAIR[cut](hair)
      : `<path d="M530 300c10-120 60-150 118-150 64 0 104 40 110 140-60-10-110-40-130-70-20 40-60 66-98 80z" fill="${hair}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720" viewBox="0 0 1280 720">
<defs><radialGradient id="w" cx=".45" cy=".3" r=".9"><stop offset="0" stop-color="${light}"/><stop offset="1" stop-color="${wall}"/></radialGradient></defs>
<rect width="1280" height="720" fill="url(#w)"/>${THINGS[thing]}
<g transform="translate(${dx} ${dy})">${back}
<path d="M330 740c0-150 110-205 230-222h168c124 20 226 78 226 222z" fill="${shirt}"/>
<path d="M580 440h132v90c-20 44-112 44-132 0z" fill="${skin}" style="filter:brightness(.9)"/>
<ellipse cx="646" cy="320" rx="112" ry="148" fill="${skin}"/>${front}
<g fill="#2a211d"><ellipse cx="604" cy="322" rx="11" ry="${eye}"/><ellipse cx="688" cy="322" rx="11" ry="${eye}"/></g>
<path d="M590 290q16-12 32-2M672 288q16-10 32 2" stroke="${hair}" stroke-width="7" fill="none" stroke-linecap="round"/>
<path d="M646 330q10 34-8 42" stroke="#00000030" stroke-width="6" fill="none" stroke-linecap="round"/>
<path d="M612 402q34 ${mouth * 2} 68 0q-34 ${mouth * 0.4}-68 0z" fill="#a1463f"/></g></svg>`;
}

/** @returns {Promise<Record<keyof typeof PEOPLE, string>>} paths of the films, made once in `folder` */
export async function films(browser, folder) {
  mkdirSync(folder, { recursive: true });
  const paths = Object.fromEntries(Object.keys(PEOPLE).map((name) => [name, join(folder, `${name}.y4m`)]));
  if (Object.values(paths).every((path) => existsSync(path))) return paths;
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  for (const [name, person] of Object.entries(PEOPLE)) {
    const frames = mkdtempSync(join(tmpdir(), "tsunagi-film-"));
    for (let frame = 0; frame < FRAMES; frame++) {
      await page.setContent(`<body style="margin:0">${draw(person, frame)}</body>`);
      writeFileSync(join(frames, `${String(frame).padStart(2, "0")}.png`), await page.screenshot());
    }
    // The y4m header tells the rate: four encoders in each of four browsers want few pictures a second.
    const out = ["-vf", "scale=640:360", "-pix_fmt", "yuv420p", paths[name]];
    execFileSync("ffmpeg", ["-loglevel", "error", "-y", "-framerate", String(RATE), "-i", join(frames, "%02d.png"), ...out]);
    rmSync(frames, { recursive: true });
  }
  await page.close();
  return paths;
}
