/** Three small apps as their users wrote them on skyway-js: a call, a chat, a room. They name no server at all. */

const page = (
  title: string,
  body: string,
  script: string,
) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
</head><body>${body}<script src="/skyway.js"></script><script>
const at = (id) => document.getElementById(id);
const key = new URLSearchParams(location.search).get("key");
const say = (line) => { at("lines").textContent += line + "\\n"; };
const play = (video, stream) => { video.srcObject = stream; video.playsInline = true; return video.play().catch(() => {}); };
${script}</script></body></html>`;

const CALL = page(
  "Call",
  `<video id="mine" muted></video><video id="remote"></video><b id="id"></b><input id="to"><button id="call">Call</button>
<button id="end">End</button><pre id="lines"></pre>`,
  `(async () => {
  const mine = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  play(at("mine"), mine);
  const peer = new Peer({ key, debug: 3 });
  let current;
  const follow = (connection) => {
    current = connection;
    connection.on("stream", (stream) => play(at("remote"), stream));
    connection.once("close", () => { at("remote").srcObject = null; say("ended"); });
  };
  peer.once("open", (id) => { at("id").textContent = id; });
  peer.on("call", (connection) => { connection.answer(mine); follow(connection); });
  peer.on("error", (error) => say("error " + error.type));
  at("call").addEventListener("click", () => follow(peer.call(at("to").value, mine)));
  at("end").addEventListener("click", () => current.close(true));
})();`,
);

const CHAT = page(
  "Chat",
  `<b id="id"></b><input id="to"><button id="connect">Connect</button><input id="text"><button id="send">Send</button><pre id="lines"></pre>`,
  `const peer = new Peer({ key, debug: 3 });
let current;
const follow = (connection) => {
  current = connection;
  connection.once("open", () => say("open"));
  connection.on("data", (text) => say("remote: " + text));
  connection.once("close", () => say("ended"));
};
peer.once("open", (id) => { at("id").textContent = id; });
peer.on("connection", follow);
peer.on("error", (error) => say("error " + error.type));
at("connect").addEventListener("click", () => follow(peer.connect(at("to").value)));
at("send").addEventListener("click", () => current.send(at("text").value));`,
);

const ROOM = page(
  "Room",
  `<video id="mine" muted></video><b id="id"></b><input id="room"><button id="join">Join</button><button id="leave">Leave</button>
<input id="text"><button id="send">Send</button><div id="others"></div><pre id="lines"></pre>`,
  `(async () => {
  const mine = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  play(at("mine"), mine);
  const peer = new Peer({ key, debug: 3 });
  let room;
  peer.once("open", (id) => { at("id").textContent = id; });
  peer.on("error", (error) => say("error " + error.type));
  at("join").addEventListener("click", () => {
    room = peer.joinRoom(at("room").value, { mode: location.hash === "#sfu" ? "sfu" : "mesh", stream: mine });
    room.once("open", () => say("joined"));
    room.on("peerJoin", (id) => say("came " + id));
    room.on("stream", (stream) => {
      const video = document.createElement("video");
      video.dataset.peer = stream.peerId;
      at("others").append(video);
      play(video, stream);
    });
    room.on("data", ({ src, data }) => say(src + ": " + data));
    room.on("peerLeave", (id) => {
      at("others").querySelector("[data-peer=" + id + "]").remove();
      say("left " + id);
    });
    room.once("close", () => say("closed"));
  });
  at("send").addEventListener("click", () => room.send(at("text").value));
  at("leave").addEventListener("click", () => room.close());
})();`,
);

export const APP_PAGES: Readonly<Record<string, string>> = { "/call.html": CALL, "/chat.html": CHAT, "/room.html": ROOM };
