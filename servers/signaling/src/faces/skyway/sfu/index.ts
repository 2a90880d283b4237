export { makeSkywaySfuRoom } from "./room.ts";
