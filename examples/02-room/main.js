// A full-mesh room with chat. `?room=NAME` chooses the room, `?listen` joins without camera and microphone.
const { Peer, openMedia } = window.Tsunagi;
const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const name = query.get("room") ?? "example";
const line = (text) => {
  const item = document.createElement("li");
  item.textContent = text;
  $("lines").append(item);
};

$("name").textContent = name;
const { server, key } = await (await fetch("settings.json")).json();
const stream = query.has("listen") ? null : await openMedia({ camera: true, microphone: true });
const peer = new Peer({ server, key });
const room = peer.joinRoom(name, { mode: "mesh", stream });

room.on("open", () => {
  $("state").textContent = `${room.members.size + 1} here`;
});
room.on("peerJoin", (id) => {
  $("state").textContent = `${room.members.size + 1} here`;
  line(`${id} joined`);
});
room.on("peerLeave", (id) => {
  $("state").textContent = `${room.members.size + 1} here`;
  line(`${id} left`);
});
room.on("stream", (remote) => {
  const figure = document.createElement("figure");
  const video = Object.assign(document.createElement("video"), { autoplay: true, playsInline: true, srcObject: remote });
  const caption = document.createElement("figcaption");
  caption.textContent = remote.peerId;
  figure.append(video, caption);
  $("videos").append(figure);
  room.on("streamremoved", (gone) => gone === remote && figure.remove());
});
room.on("data", ({ src, data }) => line(`${src}: ${data}`));
room.on("close", (reason) => {
  $("state").textContent = `Left the room: ${reason}`;
});
for (const emitter of [peer, room]) {
  emitter.on("error", (error) => {
    $("state").textContent = `${error.message} ${error.remedy ?? ""} (${error.code})`;
  });
}
$("chat").addEventListener("submit", (event) => {
  event.preventDefault();
  room.send($("text").value);
  line(`me: ${$("text").value}`);
  $("text").value = "";
});
