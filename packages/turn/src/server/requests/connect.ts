/** TCP relays, RFC 6062 §5.2 to §5.4: Connect, ConnectionAttempt, ConnectionBind. */
import type { Millis } from "@tsunagi/base";
import { attributeOf, encodeMessage, METHOD, put, type StunMessage, type TransportAddress } from "@tsunagi/stun";
import { TURN_ATTRIBUTES } from "../../attributes/index.ts";
import type { Allocation, Relay } from "../allocation.ts";
import type { Credential } from "../authentication.ts";
import type { Core } from "../core.ts";
import type { Exchange } from "../exchange.ts";
import { closeConnection, forgetConnection } from "../lifecycle.ts";
import { judgePeer, permissionOf } from "../permissions.ts";
import type { ConnectionId } from "../shell.ts";
import { BIND_TIMEOUT_MS, CONNECT_TIMEOUT_MS, type TcpConnection } from "../tcp-connections.ts";

export function connect(core: Core, now: Millis, exchange: Exchange, request: StunMessage, allocation: Allocation) {
  if (allocation.transport !== "tcp") return exchange.fail(now, 403);
  const peer = attributeOf(request, TURN_ATTRIBUTES.XOR_PEER_ADDRESS);
  if (peer === undefined || peer.port === 0) return exchange.fail(now, 400);
  const judgement = judgePeer(core, allocation, peer);
  if (judgement.type === "refused") return exchange.fail(now, judgement.code);
  // Handing over between relays is for datagrams alone.
  if (judgement.reach !== "any") return exchange.fail(now, 403);
  const existing = core.connections.to(judgement.relay, peer);
  if (existing !== undefined) {
    // A repeated request gets its answer when there is one.
    if (existing.state.state === "connecting" && isSame(existing.state.exchange, exchange)) return;
    return exchange.fail(now, 446);
  }
  if (!connectionFits(core, allocation)) return exchange.fail(now, 508);
  const until = now + CONNECT_TIMEOUT_MS;
  const connection = addConnection(core, judgement.relay, peer, { state: "connecting", exchange, until });
  core.shell.connectPeer(connection.id, judgement.relay.id, peer);
}

export function peerConnected(core: Core, now: Millis, id: ConnectionId) {
  const connection = core.connections.get(id);
  if (connection?.state.state !== "connecting") return;
  const { exchange } = connection.state;
  connection.state = { state: "waiting", until: now + BIND_TIMEOUT_MS };
  exchange.succeed(put(TURN_ATTRIBUTES.CONNECTION_ID, id));
}

export function peerConnectFailed(core: Core, now: Millis, id: ConnectionId) {
  const connection = core.connections.get(id);
  if (connection?.state.state !== "connecting") return;
  const { exchange } = connection.state;
  forgetConnection(core, connection);
  exchange.fail(now, 447);
}

/** A peer connected to a relay: its client is told if the peer has a permission (RFC 6062 §5.3). undefined: close it. */
export function peerAccepted(core: Core, now: Millis, relay: Relay, peer: TransportAddress): ConnectionId | undefined {
  const { allocation } = relay;
  if (relay.transport !== "tcp" || relay.expiresAt <= now || allocation.isDetached) return undefined;
  if (permissionOf(allocation, now, peer.address) === undefined) {
    core.counters.drop("no-permission", 0);
    return undefined;
  }
  // The same peer's second connection has another port; the same port again means that the old one is gone, which is not told yet.
  const old = core.connections.to(relay, peer);
  if (old !== undefined) closeConnection(core, old);
  if (!connectionFits(core, allocation)) return undefined;
  const connection = addConnection(core, relay, peer, { state: "waiting", until: now + BIND_TIMEOUT_MS });
  const attributes = [put(TURN_ATTRIBUTES.CONNECTION_ID, connection.id), put(TURN_ATTRIBUTES.XOR_PEER_ADDRESS, peer)];
  const indication = {
    class: "indication",
    method: METHOD.connectionAttempt,
    transactionId: core.random(12),
    attributes,
  } as const;
  core.shell.sendToClient(allocation.client, encodeMessage(indication));
  return connection.id;
}

export function connectionBind(core: Core, now: Millis, exchange: Exchange, request: StunMessage, credential: Credential) {
  const { client } = exchange;
  if (client.transport === "udp") return exchange.fail(now, 400);
  const id = attributeOf(request, TURN_ATTRIBUTES.CONNECTION_ID);
  const connection = id === undefined ? undefined : core.connections.get(id);
  if (connection?.state.state !== "waiting" || connection.state.until <= now || connection.relay.expiresAt <= now) {
    return exchange.fail(now, 400);
  }
  // A control connection cannot become a data connection.
  if (core.allocations.ofClient(client.key) !== undefined || core.openings.ofClient(client.key) !== undefined) {
    return exchange.fail(now, 400);
  }
  if (connection.relay.allocation.credential.username !== credential.username) return exchange.fail(now, 441);
  core.connections.join(connection, client);
  exchange.succeed();
  core.shell.joinConnection(connection.id, client);
}

function connectionFits(core: Core, allocation: Allocation): boolean {
  if (allocation.tcpConnections >= core.policy.limits.tcpConnectionsPerAllocation) return false;
  return core.accounts.fits(allocation.account, "tcpConnections") === "fits";
}

function addConnection(core: Core, relay: Relay, peer: TransportAddress, state: TcpConnection["state"]): TcpConnection {
  const connection = core.connections.add(relay, peer, core.random, state);
  relay.allocation.tcpConnections++;
  core.accounts.add(relay.allocation.account, "tcpConnections");
  return connection;
}

function isSame(left: Exchange, right: Exchange): boolean {
  return left.transactionId.every((byte, index) => byte === right.transactionId[index]);
}
