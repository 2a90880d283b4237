// A room through the SFU. `?room=NAME` chooses the room, `?listen` joins without camera and microphone.
const { Peer, openMedia } = window.Tsunagi;
const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const name = query.get("room") ?? "large-example";

$("name").textContent = name;
const { server, key } = await (await fetch("settings.json")).json();
const stream = query.has("listen") ? null : await openMedia({ camera: true, microphone: true });
const peer = new Peer({ server, key });
const room = peer.joinRoom(name, { mode: "sfu", stream });
const tiles = new Map();

const count = () => {
  $("state").textContent = `${room.members.size + 1} here`;
};
room.on("open", count);
room.on("peerJoin", count);
room.on("peerLeave", count);
room.on("stream", (remote) => {
  const figure = document.createElement("figure");
  const video = Object.assign(document.createElement("video"), { autoplay: true, playsInline: true });
  const caption = document.createElement("figcaption");
  figure.append(video, caption);
  $("videos").append(figure);
  // From now on the picture comes in the size that the element has, and pauses while nobody can see it.
  const detach = room.attach(video, remote);
  video.addEventListener("resize", () => tell(remote.peerId));
  tiles.set(remote.peerId, { figure, video, caption });
  room.on("streamremoved", (gone) => {
    if (gone !== remote) return;
    detach();
    figure.remove();
    tiles.delete(remote.peerId);
  });
});
room.on("qualityChanged", ({ publication }) => tell(publication.peerId));
room.on("activeSpeaker", (speaker) => {
  for (const [peerId, { figure }] of tiles) figure.classList.toggle("speaking", peerId === speaker);
});
room.on("close", (reason) => {
  $("state").textContent = `Left the room: ${reason}`;
});
for (const emitter of [peer, room]) {
  emitter.on("error", (error) => {
    $("state").textContent = `${error.message} ${error.remedy ?? ""} (${error.code})`;
  });
}
$("large").onclick = () => $("videos").classList.add("large");
$("small").onclick = () => $("videos").classList.remove("large");

function tell(peerId) {
  const tile = tiles.get(peerId);
  if (tile === undefined) return;
  const { video, caption } = tile;
  const pictures = [...room.subscriptions.values()].filter(({ publication }) => publication.kind === "video");
  const layer = pictures.find(({ publication }) => publication.peerId === peerId)?.layer;
  const part = layer == null ? "paused" : `layer ${layer.encoding + 1} of ${layer.encodings}`;
  caption.textContent = `${peerId}: ${video.videoWidth} × ${video.videoHeight}, ${part}`;
}
