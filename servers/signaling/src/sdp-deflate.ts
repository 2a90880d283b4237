/** Descriptions of SFU rooms, deflated on their way to and from clients (PROTOCOL.md, `sfu-offer`). SFU nodes see plain ones. */
import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import { CodedError } from "@tsunagi/base";
import { INFLATED_SDP_BYTES } from "@tsunagi/protocol";

// Of zlib's thread pool: what a client sends may take a while.
const inflate = promisify(inflateRaw);
const deflate = promisify(deflateRaw);

/** @throws {CodedError} `sfu.offer.too-large`, `sfu.offer.malformed` */
export async function inflateSdp(base64: string): Promise<string> {
  try {
    const bytes = await inflate(Buffer.from(base64, "base64"), { maxOutputLength: INFLATED_SDP_BYTES });
    return bytes.toString();
  } catch (cause) {
    const isLong = cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE";
    if (isLong) throw new CodedError("sfu.offer.too-large", `More than ${INFLATED_SDP_BYTES} bytes, inflated.`, { cause });
    throw new CodedError("sfu.offer.malformed", "The description cannot be inflated.", { cause });
  }
}

export async function deflateSdp(sdp: string): Promise<string> {
  return (await deflate(sdp)).toString("base64");
}
