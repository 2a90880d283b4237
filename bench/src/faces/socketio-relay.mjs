/**
 * The least that a server for skyway-js can do with socket.io 4: it says OPEN, and hands offers and answers to whom they name, with their true
 * sender. No validation, limits, sessions or rooms.
 */
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
// As skyway-js needs it; everything else as the library has it.
const io = new Server(http, { allowEIO3: true, maxHttpBufferSize: 25_000_000, cors: { origin: true, credentials: true } });
const sockets = new Map();
io.on("connection", (socket) => {
  const { peerId } = socket.handshake.query;
  sockets.set(peerId, socket);
  socket.on("disconnect", () => sockets.delete(peerId));
  for (const [from, to] of [
    ["SEND_OFFER", "OFFER"],
    ["SEND_ANSWER", "ANSWER"],
    ["SEND_CANDIDATE", "CANDIDATE"],
  ]) {
    socket.on(from, ({ dst, ...message }) => sockets.get(dst)?.emit(to, { ...message, src: peerId }));
  }
  socket.emit("OPEN", { peerId });
});
http.listen(Number(process.env.PORT), "127.0.0.1", () => process.send?.("ready"));
