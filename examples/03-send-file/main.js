// A file of any size over a data connection: progress on both sides, whole or an error, and it goes on after a broken connection.
const { Peer } = window.Tsunagi;
const $ = (id) => document.getElementById(id);
const say = (text) => {
  $("state").textContent = text;
};
const failed = (error) => say(`${error.message} ${error.remedy ?? ""} (${error.code})`);

const { server, key } = await (await fetch("settings.json")).json();
const peer = new Peer({ server, key });
peer.on("open", (id) => {
  $("me").textContent = id;
});
peer.on("error", failed);

peer.on("connection", (connection) => {
  connection.on("file", (file) => {
    file.accept();
    file.on("progress", ({ received, size }) => {
      $("progress").value = received / size;
    });
    file.on("done", (blob) => {
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: file.name });
      link.textContent = `${file.name} (${blob.size} bytes, SHA-256 ${file.sha256})`;
      $("received").replaceChildren(link);
    });
    file.on("error", failed);
  });
});

$("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const connection = peer.connect($("to").value.trim());
  connection.on("error", failed);
  connection.once("open", () => {
    const transfer = connection.sendFile($("file").files[0]);
    transfer.on("progress", ({ sent, size, bytesPerSecond }) => {
      $("progress").value = sent / size;
      say(`${(bytesPerSecond / 1e6).toFixed(1)} MB/s`);
    });
    transfer.on("done", ({ sha256 }) => say(`Sent. SHA-256 ${sha256}`));
    transfer.on("error", failed);
  });
});
