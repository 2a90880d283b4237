/** The signature of a delivery, and its check, for receivers written in Node. */
import { createHmac, timingSafeEqual } from "node:crypto";

/** @returns the value of the header `Tsunagi-Signature` */
export function signWebhook(secret: string, body: string, unixSeconds: number): string {
  return `t=${unixSeconds},v1=${digest(secret, body, unixSeconds).toString("hex")}`;
}

/**
 * @param header the value of `Tsunagi-Signature`
 * @param body as received, before any parsing
 * @param toleranceSeconds how old it may be, against replays. Default 300.
 */
export function verifyWebhook(
  secret: string,
  header: string,
  body: string,
  nowUnixSeconds: number,
  toleranceSeconds = 300,
): boolean {
  const parts = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header);
  if (parts?.[1] === undefined || parts[2] === undefined) return false;
  const time = Number(parts[1]);
  if (Math.abs(nowUnixSeconds - time) > toleranceSeconds) return false;
  return timingSafeEqual(digest(secret, body, time), Buffer.from(parts[2], "hex"));
}

function digest(secret: string, body: string, unixSeconds: number): Buffer {
  return createHmac("sha256", secret).update(`${unixSeconds}.${body}`).digest();
}
