/** One finding of the doctor. */

export const DOCTOR_CODES = {
  "doctor.host.unknown": "the host name has no address",
  "doctor.http.closed": "nothing listens on the HTTP port",
  "doctor.http.foreign": "another program answers on the HTTP port",
  "doctor.http.silent": "packets to the HTTP port get no answer",
  "doctor.http.unhealthy": "the server says that it is not well",
  "doctor.http.older": "the answer is not from this server",
  "doctor.socket.refused": "the WebSocket does not open",
  "doctor.stun.silent": "STUN does not answer",
  "doctor.stun.closed": "nothing listens on the STUN port",
  "doctor.stun.failed": "STUN answers with an error",
  "doctor.sfu.closed": "nothing listens on the SFU's port",
  "doctor.address.none": "this machine has no address that others can reach",
  "doctor.clock.skew": "the clocks of server and this machine differ",
  "doctor.clock.wrong": "this machine's clock cannot be right",
  "doctor.context.plain": "browsers give no camera to plain http",
  "doctor.certificate.untrusted": "browsers will not trust the certificate",
  "doctor.certificate.names": "the certificate lacks an address of this machine",
  "doctor.certificate.expiry": "the certificate has expired or soon will",
  "doctor.session.key": "the server names no key for its web apps",
  "doctor.session.refused": "the server refuses a session",
  "doctor.relay.closed": "nothing listens on the relay's port",
  "doctor.relay.silent": "the relay does not answer",
  "doctor.relay.credentials": "the relay refuses the credentials",
  "doctor.relay.certificate": "the relay's certificate is not trusted",
  "doctor.relay.full": "the relay has no room",
  "doctor.relay.refused": "the relay answers with an error",
  "doctor.relay.foreign": "what answers on the relay's port is no TURN server",
  "doctor.relay.echo": "data through the relay is lost",
  "doctor.relay.private": "the relay gives out an address of its inner network",
  "doctor.network.udp": "this network lets no UDP through",
  "doctor.network.relay": "no relay works from here",
  "doctor.network.blocked": "nothing gets through from here",
  "doctor.network.some": "calls will fail on some networks",
  "doctor.skyway.dispatcher": "apps that name no host would not find the server",
  "doctor.skyway.handshake": "skyway-js cannot connect",
  "doctor.skyway.cors": "browsers keep skyway-js from using the server",
  "doctor.skyway.refused": "a session of skyway-js is not treated as it should be",
  "doctor.skyway.listing": "skyway-js cannot ask who is there",
  "doctor.skyway.sfu": "SFU rooms of skyway-js will carry no media",
  "doctor.skyway.turn": "the TURN server that stands in skyway-js and its credentials do not fit",
  "doctor.skyway.stun": "the STUN server that stands in skyway-js does not answer",
  "doctor.peerjs.http": "peerjs gets no ID",
  "doctor.peerjs.cors": "browsers keep peerjs from using the server",
  "doctor.peerjs.session": "peerjs gets no session",
  "doctor.peerjs.relay": "messages of peerjs do not arrive",
} as const;

export type DoctorCode = keyof typeof DOCTOR_CODES;

/** `skip`: could not be looked at because of another failure, or does not apply. Only `fail` counts for the exit code. */
export type CheckStatus = "ok" | "warn" | "fail" | "skip";

/** Of `--from-client`. One check for each URL of a kind. */
export type RelayCheckId = "host" | "session" | "nat" | "turn-udp" | "turn-tcp" | "turn-tls" | "network" | "networks";

/** Of `--skyway` and `--peerjs`. */
export type FaceCheckId =
  | (
      | "certificate"
      | "dispatcher"
      | "polling"
      | "cors"
      | "open"
      | "wrong-key"
      | "upgrade"
      | "listing"
      | "sfu-room"
      | "turn-name"
      | "stun-name"
    )
  | ("about" | "id" | "taken" | "relay");

export type Check = {
  /** Stable, for scripts. */
  readonly id:
    | "port"
    | "health"
    | "websocket"
    | "stun4"
    | "stun6"
    | "turn"
    | "sfu"
    | "addresses"
    | "clock"
    | "context"
    | RelayCheckId
    | FaceCheckId;
  readonly title: string;
  readonly status: CheckStatus;
  /** One sentence. */
  readonly detail: string;
  readonly code?: DoctorCode;
  readonly remedy?: string;
};
