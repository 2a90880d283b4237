/** The state that the parts of the server share. */
import type { Millis, RandomBytes } from "@tsunagi/base";
import type { StunCrypto } from "@tsunagi/stun";
import { Accounts } from "./accounts.ts";
import { Allocations } from "./allocations.ts";
import { AmplificationAccount } from "./amplification.ts";
import { Authenticator } from "./authentication.ts";
import { Counters } from "./counters.ts";
import type { TurnEvent } from "./events.ts";
import { AuthenticationFailures } from "./failures.ts";
import { Tickets } from "./mobility.ts";
import { Openings } from "./openings.ts";
import { PeerPolicy } from "./peer-policy.ts";
import type { TurnPolicy } from "./policy.ts";
import { Reservations } from "./reservations.ts";
import type { RelayId, TurnShell } from "./shell.ts";
import { TcpConnections } from "./tcp-connections.ts";

export type TurnServerOptions = {
  readonly shell: TurnShell;
  readonly crypto: StunCrypto;
  /** Unpredictable bytes. */
  readonly random: RandomBytes;
  /** Milliseconds since 1970: only to judge the expiry of credentials. All other times are of the monotonic clock. */
  readonly wallNow: () => number;
  readonly policy: TurnPolicy;
  readonly events?: ((event: TurnEvent) => void) | undefined;
};

export class Core {
  readonly shell: TurnShell;
  readonly random: RandomBytes;
  readonly crypto: StunCrypto;
  readonly emit: (event: TurnEvent) => void;
  policy: TurnPolicy;
  peers: PeerPolicy;
  isDraining = false;
  readonly authenticator: Authenticator;
  readonly accounts: Accounts;
  readonly allocations = new Allocations();
  readonly openings = new Openings();
  readonly reservations = new Reservations();
  readonly tickets = new Tickets();
  readonly connections = new TcpConnections();
  readonly amplification = new AmplificationAccount();
  readonly failures = new AuthenticationFailures();
  readonly counters = new Counters();
  #lastRelay: RelayId = 0;
  #lastAllocation = 0;

  constructor(options: TurnServerOptions) {
    this.shell = options.shell;
    this.random = options.random;
    this.crypto = options.crypto;
    this.emit = options.events ?? (() => {});
    this.policy = options.policy;
    this.peers = new PeerPolicy(options.policy);
    this.authenticator = new Authenticator(options, options.policy);
    this.accounts = new Accounts(options.policy.limits);
  }

  /** @throws {CodedError} `turn.policy.*`, and then nothing changes */
  configure(now: Millis, policy: TurnPolicy): void {
    const peers = new PeerPolicy(policy);
    this.authenticator.configure(policy);
    this.accounts.configure(now, policy.limits);
    this.peers = peers;
    this.policy = policy;
  }

  nextRelay(): RelayId {
    return ++this.#lastRelay;
  }

  nextAllocation(): number {
    return ++this.#lastAllocation;
  }
}
