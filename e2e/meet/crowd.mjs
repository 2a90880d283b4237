/** Fills a room with drawn people from one page, each a member of its own that sends a small picture. */

const NAMES =
  "Tom Baker|田中 愛子|Sam Okafor|Lena Fischer|Diego Álvarez|山本 健|Priya Nair|Olu Adeyemi|Noah Kim|Chloé Martin|鈴木 さくら|Ivan Petrov|Zoe Chen|Marta Rossi|Ahmed Hassan|Emma Larsen|佐藤 大輔|Lucas Silva|Fatima Zahra|Jonas Weber".split(
    "|",
  );

/** @param page one of the server's own pages, e.g. /settings @param {{ url: string, key: string }} server */
export async function fillRoom(page, server, room, count, mode = "sfu") {
  await page.goto(`${server.url}/settings`);
  await page.addScriptTag({ url: `${server.url}/sdk/tsunagi.js` });
  await page.evaluate(
    async ({ names, room: name, count: wanted, key, mode: way }) => {
      const draw = (index) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
        const context = canvas.getContext("2d");
        const hue = (index * 47) % 360;
        const paint = () => {
          context.fillStyle = `hsl(${hue} 22% 34%)`;
          context.fillRect(0, 0, 320, 180);
          context.fillStyle = `hsl(${hue} 30% 58%)`;
          context.beginPath();
          context.ellipse(160 + 3 * Math.sin(performance.now() / 700), 210, 88, 92, 0, 0, 2 * Math.PI);
          context.fill();
          context.fillStyle = `hsl(${(hue + 20) % 360} 38% 74%)`;
          context.beginPath();
          context.ellipse(160 + 5 * Math.sin(performance.now() / 700), 78, 36, 46, 0, 0, 2 * Math.PI);
          context.fill();
        };
        paint();
        setInterval(paint, 250);
        return canvas.captureStream(4);
      };
      const one = async (index) => {
        const peer = new Tsunagi.Peer({ key });
        await peer.once("open");
        const turn = index < names.length ? "" : ` ${Math.floor(index / names.length) + 1}`;
        const joined = peer.joinRoom(name, {
          mode: way,
          stream: draw(index),
          subscribe: "manual",
          metadata: { name: names[index % names.length] + turn, microphone: index % 3 !== 1, camera: index % 7 !== 5 },
        });
        await joined.once("open");
      };
      for (let index = 0; index < wanted; index += 5) {
        await Promise.all(Array.from({ length: Math.min(5, wanted - index) }, (_, offset) => one(index + offset)));
      }
    },
    { names: NAMES, room, count, key: server.key, mode },
  );
}
