/** Sends one attempt over HTTP. `node:http` and not `fetch`: the address that was checked must be the one that is connected to. */
import { lookup as dnsLookup, type LookupAddress } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { CodedError } from "@tsunagi/base";
import type { WebhookCode } from "./errors.ts";
import { checkWebhookUrl, type GuardOptions, isPublicAddress, privateAddress } from "./guard.ts";

export type Attempt = {
  readonly url: string;
  readonly body: string;
  readonly headers: { readonly [name: string]: string };
};

export type Outcome =
  | { readonly type: "delivered"; readonly status: number }
  | {
      readonly type: "failed";
      readonly code: WebhookCode;
      readonly message: string;
      readonly status?: number | undefined;
      readonly retryAfterMs?: number | undefined;
      /** Trying again is pointless: the guard refused, or the receiver said 410 Gone. */
      readonly final: boolean;
    };

/** Never rejects. */
export type WebhookTransport = (attempt: Attempt) => Promise<Outcome>;

type AllAddresses = (hostname: string, callback: (error: Error | null, addresses: LookupAddress[]) => void) => void;

export type TransportOptions = GuardOptions & {
  /** From the start of an attempt to the answer's header. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** For tests: the DNS. */
  readonly resolve?: AllAddresses | undefined;
};

/** Of the answer's body, which is read only to end the connection well. */
const MAX_ANSWER_BYTES = 65_536;

export function httpTransport(options: TransportOptions = {}): WebhookTransport {
  const timeoutMs = options.timeoutMs ?? 5_000;
  const lookup = guardedLookup(options);
  return async (attempt) => {
    let url: URL;
    try {
      url = checkWebhookUrl(attempt.url, options);
    } catch (error) {
      return failed(error, true);
    }
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await post(url, attempt, lookup, signal);
      return read(answer);
    } catch (error) {
      if (signal.aborted) {
        const message = `no answer within ${timeoutMs / 1_000} s`;
        return { type: "failed", code: "webhook.attempt.timeout", message, final: false };
      }
      return failed(error, false);
    }
  };
}

function post(url: URL, attempt: Attempt, lookup: LookupFunction, signal: AbortSignal): Promise<IncomingMessage> {
  const body = Buffer.from(attempt.body);
  const headers = { "content-type": "application/json", "user-agent": "Tsunagi-Webhooks/1", ...attempt.headers };
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    // No agent: a connection kept open could outlive a change of the name's address.
    const request = send(url, {
      method: "POST",
      agent: false,
      lookup,
      signal,
      headers: { ...headers, "content-length": String(body.length), connection: "close" },
    });
    request.once("response", resolve);
    request.once("error", reject);
    request.end(body);
  });
}

function read(answer: IncomingMessage): Outcome {
  let bytes = 0;
  // An error of the body after the header says nothing about the delivery.
  answer.on("error", () => {});
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) answer.destroy();
  });
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return { type: "delivered", status };
  const redirect = status >= 300 && status < 400;
  const retryAfterMs = parseRetryAfter(answer.headers["retry-after"], Date.now());
  return {
    type: "failed",
    code: redirect ? "webhook.attempt.redirect" : "webhook.attempt.status",
    message: redirect ? `status ${status}: redirects are not followed, set the final URL` : `status ${status}`,
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    final: status === 410,
  };
}

/** RFC 9110 §10.2.3: seconds, or a date. */
export function parseRetryAfter(value: string | undefined, wallNow: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - wallNow);
}

function failed(error: unknown, final: boolean): Outcome {
  if (error instanceof CodedError && error.code.startsWith("webhook.")) {
    // The check at the connection is as final as the one of the URL: whoever owns the name points it elsewhere first.
    return { type: "failed", code: error.code as WebhookCode, message: error.message, final: true };
  }
  const message = error instanceof AggregateError ? error.errors.map(String).join("; ") : String((error as Error).message);
  return { type: "failed", code: "webhook.attempt.unreachable", message, final };
}

const allAddresses: AllAddresses = (hostname, callback) => dnsLookup(hostname, { all: true }, callback);

/** Gives only addresses that may be connected to: a name that is checked first and resolved again later could change in between. */
function guardedLookup(options: TransportOptions): LookupFunction {
  const resolve = options.resolve ?? allAddresses;
  return (hostname, lookupOptions, callback) => {
    resolve(hostname, (error, addresses) => {
      if (error !== null) {
        callback(error, "", 0);
        return;
      }
      const allowed = options.allowPrivate ? addresses : addresses.filter((each) => isPublicAddress(each.address));
      const [first] = allowed;
      if (first === undefined) callback(privateAddress(hostname), "", 0);
      else if (lookupOptions.all) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}
