/**
 * Finding out how a NAT behaves, RFC 5780 §4: which addresses it gives (mapping, §4.3) and whom it lets in (filtering, §4.4), by asking a server
 * that has two addresses with two ports each. One socket is enough, which must have sent nothing else: it would open the filter.
 *
 * Not here: hairpinning (§4.5) wants a second socket and tells nothing that a caller could act on; binding lifetime (§4.6) needs RESPONSE-PORT, which
 * our server refuses.
 */
import { assertNever, type Millis, type RandomBytes } from "@tsunagi/base";
import type { TransportAddress } from "./address.ts";
import { put } from "./attribute.ts";
import { type ChangeRequest, NAT_ATTRIBUTES } from "./attributes/nat-behavior.ts";
import { mappedAddressOf } from "./binding.ts";
import { encodeMessage } from "./encode.ts";
import { METHOD, TRANSACTION_ID_LENGTH } from "./header.ts";
import { attributeOf, type StunMessage } from "./message.ts";
import { ClientTransaction, type TransactionOptions, type TransactionOutput } from "./transaction.ts";

/** RFC 4787 §4.1 and §5. */
export type NatDependence = "endpoint-independent" | "address-dependent" | "address-and-port-dependent";

export type NatBehavior =
  /** No answer to the first request: UDP does not pass, or the server is not there. */
  | { readonly type: "silent" }
  /** The server has no second address: nothing but the mapped address is known. */
  | { readonly type: "unsupported"; readonly mapped: TransportAddress; readonly rttMs: number | undefined }
  | {
      readonly type: "discovered";
      readonly mapped: TransportAddress;
      /** undefined when the answer came after the request was sent again. */
      readonly rttMs: number | undefined;
      /** undefined when the caller did not say the socket's own address. */
      readonly isTranslated: boolean | undefined;
      /** undefined when the server's other address does not answer. */
      readonly mapping: NatDependence | undefined;
      readonly filtering: NatDependence;
    };

export type NatDiscoveryOptions = {
  readonly server: TransportAddress;
  /** The socket's own address as the machine knows it; undefined for a socket on all addresses. */
  readonly local: TransportAddress | undefined;
  readonly random: RandomBytes;
  /**
   * Three sendings and 2 s in all by default: two tests end by silence on most NATs, and a person waits.
   * Where each way loses 10%, one test in 150 takes loss for a filter.
   */
  readonly timing?: Pick<TransactionOptions, "rtoMs" | "maxSendings" | "lastWait">;
};

export type NatDiscoveryInput =
  | { readonly type: "start" }
  | { readonly type: "tick" }
  | { readonly type: "received"; readonly from: TransportAddress; readonly bytes: Uint8Array };

export type NatDiscoveryOutput =
  | { readonly type: "send"; readonly to: TransportAddress; readonly bytes: Uint8Array }
  | { readonly type: "done"; readonly behavior: NatBehavior };

const DEFAULT_TIMING = { rtoMs: 300, maxSendings: 3, lastWait: 4 } as const;

type TestName = "first" | "filter-both" | "filter-port" | "map-address" | "map-port";
type Test = {
  readonly name: TestName;
  readonly transaction: ClientTransaction;
  readonly to: TransportAddress;
  /** Only what comes from there counts: a server that ignores CHANGE-REQUEST proves nothing. */
  readonly answeredFrom: TransportAddress;
};

/** What the first test told. */
type Known = { readonly mapped: TransportAddress; readonly other: TransportAddress; readonly rttMs: number | undefined };

type State =
  | { readonly state: "idle" | "first" | "done" }
  /** The filter is tried before anything is sent to the other address. */
  | { readonly state: "filtering"; readonly known: Known; readonly passed: ReadonlySet<TestName> }
  | { readonly state: "mapping"; readonly known: Known; readonly filtering: NatDependence; readonly second?: TransportAddress };

export class NatDiscovery {
  readonly #options: NatDiscoveryOptions;
  #state: State = { state: "idle" };
  #tests: readonly Test[] = [];

  constructor(options: NatDiscoveryOptions) {
    this.#options = options;
  }

  get deadline(): Millis | undefined {
    const deadlines = this.#tests.flatMap(({ transaction }) => transaction.deadline ?? []);
    return deadlines.length === 0 ? undefined : Math.min(...deadlines);
  }

  handle(now: Millis, input: NatDiscoveryInput): readonly NatDiscoveryOutput[] {
    switch (input.type) {
      case "start":
        if (this.#state.state !== "idle") return [];
        this.#state = { state: "first" };
        return this.#begin(now, "first", this.#options.server);
      case "tick":
        return this.#tests.flatMap((test) => this.#pass(now, test, test.transaction.handle(now, input)));
      case "received": {
        const { from, bytes } = input;
        return this.#tests
          .filter(({ answeredFrom }) => isSame(answeredFrom, from))
          .flatMap((test) => this.#pass(now, test, test.transaction.handle(now, { type: "received", bytes })));
      }
      default:
        return assertNever(input);
    }
  }

  #begin(now: Millis, name: TestName, to: TransportAddress, change?: ChangeRequest): NatDiscoveryOutput[] {
    const { random, timing = DEFAULT_TIMING } = this.#options;
    const request = encodeMessage(
      {
        class: "request",
        method: METHOD.binding,
        transactionId: random(TRANSACTION_ID_LENGTH),
        attributes: change === undefined ? [] : [put(NAT_ATTRIBUTES.CHANGE_REQUEST, change)],
      },
      { fingerprint: true },
    );
    const transaction = new ClientTransaction({ request, ...timing });
    const other = this.#state.state === "filtering" ? this.#state.known.other : to;
    const answeredFrom = change === undefined ? to : { ...(change.address ? other : to), port: other.port };
    const test = { name, transaction, to, answeredFrom };
    this.#tests = [...this.#tests, test];
    return this.#pass(now, test, transaction.handle(now, { type: "start" }));
  }

  #pass(now: Millis, test: Test, outputs: readonly TransactionOutput[]): NatDiscoveryOutput[] {
    return outputs.flatMap((output): NatDiscoveryOutput[] => {
      if (output.type === "send") return [{ type: "send", to: test.to, bytes: output.bytes }];
      this.#tests = this.#tests.filter((each) => each !== test);
      const response = output.type === "response" && output.message.class === "success" ? output : undefined;
      return this.#ended(now, test.name, response);
    });
  }

  /** @param response undefined for silence and for an error answer: the server does not do it */
  #ended(now: Millis, name: TestName, response: Extract<TransactionOutput, { type: "response" }> | undefined) {
    const state = this.#state;
    switch (state.state) {
      case "first":
        return this.#afterFirst(now, response);
      case "filtering": {
        const passed = response === undefined ? state.passed : new Set([...state.passed, name]);
        this.#state = { ...state, passed };
        // An answer from the other address and port settles it; else both tests must have ended.
        if (this.#tests.length > 0 && !passed.has("filter-both")) return [];
        this.#tests = [];
        return this.#startMapping(now, state.known, filteringOf(passed));
      }
      case "mapping":
        return this.#afterMapping(now, state, response === undefined ? undefined : readable(response.message).mapped);
      case "idle":
      case "done":
        return [];
      default:
        return assertNever(state);
    }
  }

  /** §4.3 and §4.4, test I: the mapped address, and whether there is another address to ask. */
  #afterFirst(now: Millis, response: Extract<TransactionOutput, { type: "response" }> | undefined): NatDiscoveryOutput[] {
    const { mapped, other } = response === undefined ? {} : readable(response.message);
    if (response === undefined || mapped === undefined) return this.#done({ type: "silent" });
    const { server } = this.#options;
    const { rttMs } = response;
    const isOther =
      other !== undefined && other.family === server.family && other.address !== server.address && other.port !== server.port;
    if (!isOther) return this.#done({ type: "unsupported", mapped, rttMs });
    this.#state = { state: "filtering", known: { mapped, other, rttMs }, passed: new Set() };
    // §4.4 tests II and III, at the same time: an answer opens no filter.
    return [
      ...this.#begin(now, "filter-both", server, { address: true, port: true }),
      ...this.#begin(now, "filter-port", server, { address: false, port: true }),
    ];
  }

  /** §4.3 test II: the other address, the same port. */
  #startMapping(now: Millis, known: Known, filtering: NatDependence): NatDiscoveryOutput[] {
    this.#state = { state: "mapping", known, filtering };
    return this.#begin(now, "map-address", { ...known.other, port: this.#options.server.port });
  }

  #afterMapping(
    now: Millis,
    state: Extract<State, { state: "mapping" }>,
    mapped: TransportAddress | undefined,
  ): NatDiscoveryOutput[] {
    const { known, second } = state;
    if (mapped === undefined) return this.#discovered(state, undefined);
    if (second !== undefined)
      return this.#discovered(state, isSame(mapped, second) ? "address-dependent" : "address-and-port-dependent");
    if (isSame(mapped, known.mapped)) return this.#discovered(state, "endpoint-independent");
    // Test III: the other address and the other port.
    this.#state = { ...state, second: mapped };
    return this.#begin(now, "map-port", known.other);
  }

  #discovered({ known, filtering }: Extract<State, { state: "mapping" }>, mapping: NatDependence | undefined) {
    const { local } = this.#options;
    const { mapped, rttMs } = known;
    const isTranslated = local === undefined ? undefined : !isSame(local, mapped);
    return this.#done({ type: "discovered", mapped, rttMs, isTranslated, mapping, filtering });
  }

  #done(behavior: NatBehavior): NatDiscoveryOutput[] {
    this.#state = { state: "done" };
    this.#tests = [];
    return [{ type: "done", behavior }];
  }
}

function filteringOf(passed: ReadonlySet<TestName>): NatDependence {
  if (passed.has("filter-both")) return "endpoint-independent";
  return passed.has("filter-port") ? "address-dependent" : "address-and-port-dependent";
}

/** An answer whose values cannot be read tells nothing. */
function readable(message: StunMessage): { mapped?: TransportAddress | undefined; other?: TransportAddress | undefined } {
  try {
    return { mapped: mappedAddressOf(message), other: attributeOf(message, NAT_ATTRIBUTES.OTHER_ADDRESS) };
  } catch {
    return {};
  }
}

function isSame(left: TransportAddress, right: TransportAddress): boolean {
  return left.address === right.address && left.port === right.port;
}
