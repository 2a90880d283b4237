// The telephone: every page has an ID, calls another by its ID, and answers who calls.
const { Peer, openMedia } = window.Tsunagi;
const $ = (id) => document.getElementById(id);
const say = (text) => {
  $("state").textContent = text;
};

const { server, key } = await (await fetch("settings.json")).json();
const stream = await openMedia({ camera: true, microphone: true });
const peer = new Peer({ server, key });

peer.on("open", (id) => {
  $("me").textContent = id;
});
peer.on("error", (error) => say(`${error.message} ${error.remedy ?? ""} (${error.code})`));
peer.on("call", (call) => {
  call.answer(stream);
  show(call);
});

$("dial").addEventListener("submit", (event) => {
  event.preventDefault();
  show(peer.call($("to").value.trim(), stream));
});

function show(call) {
  say(`Connecting to ${call.remoteId} …`);
  $("hang-up").disabled = false;
  $("hang-up").onclick = () => call.close();
  call.on("stream", (remote) => {
    say(`Talking with ${call.remoteId}`);
    $("remote").srcObject = remote;
  });
  call.on("error", (error) => say(`${error.message} (${error.code})`));
  call.on("close", (reason) => {
    say(`The call ended: ${reason}`);
    $("remote").srcObject = null;
    $("hang-up").disabled = true;
  });
}
