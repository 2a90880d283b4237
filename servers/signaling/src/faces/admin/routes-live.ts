/** What is there now: peers, rooms, connections; what was: calls; and the server itself. */
import type { JsonValue } from "@tsunagi/base";
import { z } from "zod";
import { type AdminContext, type AdminHttp, adminError, mustGetApp } from "./context.ts";
import {
  appParams,
  callView,
  connectionView,
  cursor,
  errors,
  memberParams,
  noContent,
  pageSize,
  peerParams,
  peerView,
  roomData,
  roomParams,
  roomSummary,
  roomView,
  serverView,
  sfuView,
  turnView,
} from "./schemas.ts";

/** Above any app's `messageBytes` that is sensible here; the app's own limit is checked in the route. */
const DATA_BODY_LIMIT = 1_048_576;

export function liveRoutes(http: AdminHttp, context: AdminContext): void {
  peerRoutes(http, context);
  roomRoutes(http, context);
  historyRoutes(http, context);
}

function peerRoutes(http: AdminHttp, { store, live }: AdminContext): void {
  const unknown = (peerId: string) => adminError("admin.peer.unknown", `There is no peer ${JSON.stringify(peerId)} now.`);
  const tags = ["peers"];

  http.get(
    "/apps/:appId/peers",
    {
      schema: {
        tags,
        summary: "List peers, in the order of opening",
        params: appParams,
        querystring: z.object({ limit: pageSize(1_000), after: cursor.default(0).describe("The `next` of the page before.") }),
        response: { 200: z.object({ peers: z.array(peerView), next: z.int().optional() }), ...errors },
      },
    },
    async (request) => {
      const { id } = await mustGetApp(store, request.params.appId);
      const { peers, next } = live.peers(id, request.query.after, request.query.limit);
      return { peers: peers.map((peer) => ({ ...peer, rooms: [...peer.rooms] })), ...(next === undefined ? {} : { next }) };
    },
  );

  http.get(
    "/apps/:appId/peers/:peerId",
    { schema: { tags, summary: "One peer", params: peerParams, response: { 200: peerView, ...errors } } },
    async (request) => {
      const { id } = await mustGetApp(store, request.params.appId);
      const peer = live.peer(id, request.params.peerId);
      if (peer === undefined) throw unknown(request.params.peerId);
      return { ...peer, rooms: [...peer.rooms] };
    },
  );

  http.delete(
    "/apps/:appId/peers/:peerId",
    {
      schema: {
        tags,
        summary: "Disconnect a peer: its session ends at once, and it is told why",
        params: peerParams,
        response: { 204: noContent, ...errors },
      },
    },
    async (request, reply) => {
      const { peerId } = request.params;
      const { id: appId } = await mustGetApp(store, request.params.appId);
      if (!(await live.command({ type: "disconnect-peer", appId, peerId }))) throw unknown(peerId);
      return reply.code(204).send(null);
    },
  );
}

function roomRoutes(http: AdminHttp, { store, live }: AdminContext): void {
  const unknown = (room: string) => adminError("admin.room.unknown", `There is no room ${JSON.stringify(room)} now.`);
  const byName = (a: { room: string }, b: { room: string }) => (a.room < b.room ? -1 : 1);
  const tags = ["rooms"];

  http.get(
    "/apps/:appId/rooms",
    {
      schema: {
        tags,
        summary: "List rooms by name",
        params: appParams,
        querystring: z.object({
          limit: pageSize(1_000),
          after: z.string().max(128).optional().describe("The `next` of the page before."),
        }),
        response: { 200: z.object({ rooms: z.array(roomSummary), next: z.string().optional() }), ...errors },
      },
    },
    async (request) => {
      const { limit, after } = request.query;
      const { id } = await mustGetApp(store, request.params.appId);
      const rooms = live
        .rooms(id)
        .filter((each) => after === undefined || each.room > after)
        .sort(byName);
      const page = rooms.slice(0, limit);
      const next = rooms.length > limit ? page.at(-1)?.room : undefined;
      return {
        rooms: page.map(({ room, mode, createdAt, members }) => ({ room, mode, createdAt, members: members.length })),
        ...(next === undefined ? {} : { next }),
      };
    },
  );

  http.get(
    "/apps/:appId/rooms/:room",
    { schema: { tags, summary: "One room with its members", params: roomParams, response: { 200: roomView, ...errors } } },
    async (request) => {
      const { id } = await mustGetApp(store, request.params.appId);
      const found = live.rooms(id).find((each) => each.room === request.params.room);
      if (found === undefined) throw unknown(request.params.room);
      const { members, log, publications, ...rest } = found;
      return {
        ...rest,
        members: [...members],
        log: [...log],
        ...(publications === undefined ? {} : { publications: [...publications] }),
      };
    },
  );

  http.get(
    "/apps/:appId/rooms/:room/sfu",
    {
      schema: {
        tags,
        summary: "What the SFU holds of a room: publications, slots, layers, estimates, counters by reason",
        params: roomParams,
        response: { 200: sfuView, ...errors },
      },
    },
    async (request) => {
      const { room } = request.params;
      const { id } = await mustGetApp(store, request.params.appId);
      if (live.sfuDump === undefined) throw adminError("admin.sfu.off", "This server has no SFU.", "See sfu.enabled.");
      if (!live.rooms(id).some((each) => each.room === room)) throw unknown(room);
      const dump = await live.sfuDump(id, room);
      if (dump === undefined) throw adminError("admin.sfu.unknown", "The SFU holds nothing of this room now.");
      return { dump };
    },
  );

  http.delete(
    "/apps/:appId/rooms/:room",
    { schema: { tags, summary: "Close a room: all members leave", params: roomParams, response: { 204: noContent, ...errors } } },
    async (request, reply) => {
      const { room } = request.params;
      const { id: appId } = await mustGetApp(store, request.params.appId);
      if (!(await live.command({ type: "close-room", appId, room }))) throw unknown(room);
      return reply.code(204).send(null);
    },
  );

  http.delete(
    "/apps/:appId/rooms/:room/members/:peerId",
    {
      schema: {
        tags,
        summary: "Take a member out of a room; its other rooms and calls go on",
        params: memberParams,
        response: { 204: noContent, ...errors },
      },
    },
    async (request, reply) => {
      const { room, peerId } = request.params;
      const { id: appId } = await mustGetApp(store, request.params.appId);
      if (!(await live.command({ type: "remove-member", appId, room, peerId }))) {
        throw adminError(
          "admin.member.unknown",
          `There is no member ${JSON.stringify(peerId)} in a room ${JSON.stringify(room)} now.`,
        );
      }
      return reply.code(204).send(null);
    },
  );

  http.post(
    "/apps/:appId/rooms/:room/data",
    {
      bodyLimit: DATA_BODY_LIMIT,
      schema: {
        tags,
        summary: "Send data into a room: members receive it as `data` that comes from nobody",
        params: roomParams,
        body: roomData,
        response: { 204: noContent, ...errors },
      },
    },
    async (request, reply) => {
      const { room } = request.params;
      const { id: appId, limits } = await mustGetApp(store, request.params.appId);
      const { to } = request.body;
      // It came out of a JSON parser, and the schema saw that it is there.
      const data = request.body.data as JsonValue;
      if (Buffer.byteLength(JSON.stringify(data)) > limits.messageBytes) {
        throw adminError("admin.data.too-large", `A message of this app has at most ${limits.messageBytes} bytes.`);
      }
      if (!(await live.command({ type: "send-room-data", appId, room, data, ...(to === undefined ? {} : { to }) })))
        throw unknown(room);
      return reply.code(204).send(null);
    },
  );
}

function historyRoutes(http: AdminHttp, context: AdminContext): void {
  const { store, live, clock, webhooks, version } = context;
  const startedAt = clock.wallNow();

  http.get(
    "/apps/:appId/connections",
    {
      schema: {
        tags: ["calls"],
        summary: "Media and data connections now, those in rooms included; the first so many",
        params: appParams,
        querystring: z.object({ limit: pageSize(1_000) }),
        response: { 200: z.object({ connections: z.array(connectionView), total: z.int() }), ...errors },
      },
    },
    async (request) => {
      const { id } = await mustGetApp(store, request.params.appId);
      const all = live.connections(id);
      return { connections: all.slice(0, request.query.limit), total: all.length };
    },
  );

  http.get(
    "/apps/:appId/calls",
    {
      schema: {
        tags: ["calls"],
        summary: "Calls and rooms that ended, newest first",
        params: appParams,
        querystring: z.object({
          limit: pageSize(500),
          before: cursor.optional().describe("The `next` of the page before."),
          kind: z.enum(["media", "data", "room"]).optional(),
        }),
        response: { 200: z.object({ calls: z.array(callView), next: z.int().optional() }), ...errors },
      },
    },
    async (request) => {
      const { limit, before, kind } = request.query;
      const { id } = await mustGetApp(store, request.params.appId);
      const found = await store.listCalls(id, { limit: limit + 1, beforeId: before, kind });
      const page = found.slice(0, limit);
      const next = found.length > limit ? page.at(-1)?.id : undefined;
      return {
        calls: page.map(({ appId: _, ...call }) => ({ ...call, peers: [...call.peers] })),
        ...(next === undefined ? {} : { next }),
      };
    },
  );

  http.get(
    "/turn",
    {
      schema: {
        tags: ["server"],
        summary: "The TURN server: counts since its start, and its allocations now, without addresses and names",
        response: { 200: turnView, ...errors },
      },
    },
    async () => {
      const state = context.turn();
      if (state === undefined) throw adminError("admin.turn.off", "This process runs no TURN server.", "See turn.enabled.");
      return state;
    },
  );

  http.get(
    "/server",
    {
      schema: {
        tags: ["server"],
        summary: "The server: version, store, what it holds",
        response: { 200: serverView, ...errors },
      },
    },
    async () => {
      const { peers, sessions, rooms, calls } = live.counts();
      const { waiting, inFlight } = webhooks.size;
      return {
        version,
        node: process.version,
        store: store.kind,
        startedAt,
        now: clock.wallNow(),
        memoryBytes: process.memoryUsage.rss(),
        counts: { apps: context.registry.apps().length, peers, sessions, rooms, connections: calls },
        webhooks: { waiting, inFlight },
      };
    },
  );
}
