/**
 * The least that a JSON relay can do: parse, set the true sender, look the target up, send. No validation, limits, sessions or resume.
 * With `RAW=1` it does not even parse: the target is the sender's partner by name, the bytes go through as they are.
 */
import { WebSocketServer } from "ws";

const sockets = new Map();
const raw = process.env.RAW === "1";
const server = new WebSocketServer({ port: Number(process.env.PORT), host: "127.0.0.1", perMessageDeflate: false });
server.on("connection", (socket, request) => {
  const id = new URL(request.url, "http://relay").searchParams.get("id");
  sockets.set(id, socket);
  socket.on("close", () => sockets.delete(id));
  const partner = id.startsWith("a") ? `b${id.slice(1)}` : `a${id.slice(1)}`;
  socket.on("message", (data) => {
    if (raw) {
      sockets.get(partner)?.send(data, { binary: false });
      return;
    }
    const message = JSON.parse(data);
    sockets.get(message.to)?.send(JSON.stringify({ ...message, from: id, to: undefined }));
  });
});
server.on("listening", () => process.send?.("ready"));
