/**
 * What a PeerJS client can tell of its server: the same checks on ours and on PeerServer from the registry. Where ours differs on purpose
 * stands at the end.
 */
import { afterEach, describe, expect, it } from "vitest";
import { type PeerjsClient, type PeerjsSubject, type SubjectOptions, startOurs, startPeerServer } from "./support/peerjs.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const MISSING = { type: "ERROR", payload: { msg: "No id, token, or key supplied to websocket server" } };

const OFFER = {
  sdp: { type: "offer", sdp: "v=0\r\n" },
  type: "data",
  connectionId: "dc_1",
  label: "chat",
  reliable: true,
  serialization: "binary",
  metadata: { a: [1, null, "é"] },
};

let subject: PeerjsSubject;
afterEach(async () => {
  await subject.close();
});

for (const [name, start] of [
  ["ours", startOurs],
  ["PeerServer", startPeerServer],
] as const) {
  const begin = async (options: SubjectOptions = {}): Promise<PeerjsSubject> => {
    subject = await start(options);
    return subject;
  };
  const pair = async (options: SubjectOptions = {}): Promise<readonly [PeerjsClient, PeerjsClient]> => {
    await begin(options);
    return [await subject.join("a"), await subject.join("b")];
  };

  describe(`${name}: HTTP`, () => {
    it("tells what it is, with and without a final slash, under any prefix", async () => {
      await begin({ path: "/some/where/deep" });
      for (const path of ["/some/where/deep", "/some/where/deep/"]) {
        const { status, body } = await subject.http(path);
        expect(status).toBe(200);
        expect(JSON.parse(body)).toEqual({
          name: expect.any(String),
          description: expect.any(String),
          website: expect.any(String),
        });
      }
      expect((await subject.http("/some/where/deep/peerjs/id")).body).toMatch(UUID);
      await subject.join("a");
    });

    it("gives plain ids, each one new, that can be used at once", async () => {
      await begin();
      const first = await subject.http("/peerjs/peerjs/id?ts=12345&version=1.5.5");
      const second = await subject.http("/peerjs/anything/id");
      expect([first.status, first.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
      expect([first.body, second.body]).toEqual([expect.stringMatching(UUID), expect.stringMatching(UUID)]);
      expect(first.body).not.toBe(second.body);
      await subject.join(first.body);
    });

    it("lists the peers where that is switched on, and else says 401", async () => {
      await begin();
      const refused = await subject.http("/peerjs/peerjs/peers");
      expect([refused.status, refused.body]).toEqual([401, "Unauthorized"]);
      await subject.close();
      await begin({ discovery: true });
      expect(JSON.parse((await subject.http("/peerjs/peerjs/peers")).body)).toEqual([]);
      await subject.join("a");
      await subject.join("b");
      const { status, headers, body } = await subject.http("/peerjs/peerjs/peers");
      expect([status, headers["content-type"]]).toEqual([200, "application/json; charset=utf-8"]);
      expect(JSON.parse(body)).toEqual(["a", "b"]);
    });

    it("knows no other paths and methods", async () => {
      await begin();
      for (const [method, path] of [
        ["GET", "/peerjs/peerjs/nothing"],
        ["GET", "/peerjs/peerjs/id/more"],
        ["POST", "/peerjs/peerjs/id"],
        ["DELETE", "/peerjs/peerjs/peers"],
        ["PUT", "/peerjs"],
      ] as const) {
        expect([path, (await subject.http(path, { method })).status]).toEqual([path, 404]);
      }
      expect((await subject.http("/peerjs/peerjs/id", { method: "HEAD" })).status).toBe(200);
    });

    it("lets any page read its answers", async () => {
      await begin();
      const origin = "https://page.example";
      const { headers } = await subject.http("/peerjs/peerjs/id", { headers: { origin } });
      expect([headers["access-control-allow-origin"], headers.vary]).toEqual([origin, "Origin"]);
      expect(headers["access-control-allow-credentials"]).toBeUndefined();
      const none = await subject.http("/peerjs/peerjs/id");
      expect([none.headers["access-control-allow-origin"], none.headers.vary]).toEqual([undefined, "Origin"]);
    });

    it("lets only the named pages read its answers, where some are named", async () => {
      await begin({ corsOrigins: ["https://a.example", "https://b.example"] });
      const allowed = async (origin: string) => {
        const { status, headers } = await subject.http("/peerjs/peerjs/id", { headers: { origin } });
        return [status, headers["access-control-allow-origin"], headers.vary];
      };
      expect(await allowed("https://b.example")).toEqual([200, "https://b.example", "Origin"]);
      expect(await allowed("https://c.example")).toEqual([200, undefined, "Origin"]);
    });

    it("answers a preflight", async () => {
      await begin();
      const headers = {
        origin: "https://page.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "x-one, x-two",
      };
      const answer = await subject.http("/peerjs/peerjs/id", { method: "OPTIONS", headers });
      expect([answer.status, answer.body]).toEqual([204, ""]);
      expect(answer.headers).toMatchObject({
        "access-control-allow-origin": "https://page.example",
        "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
        "access-control-allow-headers": "x-one, x-two",
        vary: "Origin, Access-Control-Request-Headers",
      });
    });
  });

  describe(`${name}: connecting`, () => {
    it("refuses a client that does not say who it is", async () => {
      await begin();
      for (const query of ["", "?key=peerjs", "?key=peerjs&id=a", "?key=peerjs&token=t", "?id=a&token=t", "?key=&id=a&token=t"]) {
        const client = subject.connect(query);
        expect([query, await client.next(), await client.closed()]).toEqual([query, MISSING, 1005]);
      }
    });

    it("opens with OPEN", async () => {
      await begin();
      const client = subject.connect("?key=peerjs&id=a%20b-c_d&token=t");
      expect(await client.next()).toEqual({ type: "OPEN" });
    });

    it("keeps a taken id for its owner", async () => {
      await begin();
      const owner = await subject.join("a");
      for (let attempt = 0; attempt < 10; attempt += 1) {
        const other = subject.connect(`?key=peerjs&id=a&token=other-${attempt}`);
        expect(await other.next()).toEqual({ type: "ID-TAKEN", payload: { msg: "ID is taken" } });
        expect(await other.closed()).toBe(1005);
      }
      const b = await subject.join("b");
      b.send({ type: "CANDIDATE", dst: "a", payload: {} });
      expect(await owner.next()).toMatchObject({ type: "CANDIDATE", src: "b" });
    });

    it("takes the newer socket of the same client, and frees nothing when the older one closes", async () => {
      await begin();
      const older = await subject.join("a");
      const newer = subject.connect("?key=peerjs&id=a&token=token-a");
      const b = await subject.join("b");
      const reach = async (client: PeerjsClient, n: number) => {
        b.send({ type: "CANDIDATE", dst: "a", payload: { n } });
        for (let frame = await client.next(); ; frame = await client.next()) if (frame.type !== "OPEN") return frame;
      };
      expect(await reach(newer, 1)).toMatchObject({ src: "b", payload: { n: 1 } });
      older.send({ type: "CANDIDATE", dst: "b", payload: { from: "older" } });
      expect(await b.next()).toMatchObject({ src: "a", payload: { from: "older" } });
      await older.leave();
      expect(await reach(newer, 2)).toMatchObject({ src: "b", payload: { n: 2 } });
      await newer.leave();
      await subject.join("a", { token: "another" });
    });

    it("lets as many in as it is told to", async () => {
      await begin({ limit: 2 });
      const a = await subject.join("a");
      await subject.join("b");
      const late = subject.connect("?key=peerjs&id=c&token=t");
      expect(await late.next()).toEqual({ type: "ERROR", payload: { msg: "Server has reached its concurrent user limit" } });
      expect(await late.closed()).toBe(1005);
      await a.leave();
      await subject.join("c");
    });

    it("forgets a client that sends no HEARTBEAT, whatever else it sends", async () => {
      await begin({ aliveMs: 1_000 });
      const silent = await subject.join("silent");
      const alive = await subject.join("alive");
      for (let step = 0; step < 9; step += 1) {
        await subject.pass(200);
        if (silent.closeCode !== undefined) break;
        alive.send({ type: "HEARTBEAT" });
        silent.send({ type: "CANDIDATE", dst: "alive", payload: { step } });
        await alive.settled();
      }
      await silent.closed();
      expect(alive.closeCode).toBeUndefined();
      await subject.join("silent", { token: "another" });
    });
  });

  describe(`${name}: messages`, () => {
    it("arrive in order, with their true sender and nothing else", async () => {
      const [a, b] = await pair();
      a.send({ type: "OFFER", payload: OFFER, dst: "b" });
      a.send({
        type: "CANDIDATE",
        src: "someone else",
        dst: "b",
        payload: { candidate: null, type: "data", connectionId: "dc_1" },
      });
      a.send({ dst: "b", payload: ["anything", { at: "all" }], type: "ANSWER" });
      expect([await b.next(), await b.next(), await b.next()]).toEqual([
        { type: "OFFER", src: "a", dst: "b", payload: OFFER },
        { type: "CANDIDATE", src: "a", dst: "b", payload: { candidate: null, type: "data", connectionId: "dc_1" } },
        { type: "ANSWER", src: "a", dst: "b", payload: ["anything", { at: "all" }] },
      ]);
      const answer = { sdp: { type: "answer", sdp: "v=0\r\n" }, type: "data", connectionId: "dc_1" };
      b.send({ type: "ANSWER", payload: answer, dst: "a" });
      expect(await a.next()).toEqual({ type: "ANSWER", src: "b", dst: "a", payload: answer });
    });

    it("that mean nothing disturb nobody", async () => {
      const [a, b] = await pair();
      a.send({ type: "NONSENSE", dst: "b", payload: {} }).send({ dst: "b" }).send({ type: "OFFER", payload: OFFER });
      a.send({ type: "OPEN", dst: "b" }).send({ type: "ERROR", dst: "b", payload: { msg: "no" } });
      a.send({ type: "ID-TAKEN", dst: "b" }).send({ type: "OFFER", dst: "", payload: OFFER }).send("[]");
      a.send({ type: "CANDIDATE", dst: "b", payload: { last: true } });
      expect(await b.next()).toMatchObject({ payload: { last: true } });
      expect(await a.settled()).toEqual([]);
    });

    it("LEAVE and EXPIRE go through, and wait for nobody", async () => {
      const [a, b] = await pair();
      a.send({ type: "LEAVE", dst: "b" }).send({ type: "EXPIRE", dst: "b" });
      expect([await b.next(), await b.next()]).toEqual([
        { type: "LEAVE", src: "a", dst: "b" },
        { type: "EXPIRE", src: "a", dst: "b" },
      ]);
      a.send({ type: "LEAVE", dst: "c" }).send({ type: "EXPIRE", dst: "c" });
      await a.settled();
      const c = await subject.join("c");
      a.send({ type: "CANDIDATE", dst: "c", payload: {} });
      expect(await c.next()).toMatchObject({ type: "CANDIDATE" });
    });

    it("LEAVE to nobody gives the id back, and leaves the socket open", async () => {
      const [a, b] = await pair();
      a.send({ type: "LEAVE" });
      await a.settled();
      const again = await subject.join("a", { token: "another" });
      expect(a.closeCode).toBeUndefined();
      b.send({ type: "CANDIDATE", dst: "a", payload: {} });
      expect(await again.next()).toMatchObject({ src: "b" });
    });

    it("wait for who is not there yet", async () => {
      const [a, b] = await pair({ expireMs: 5_000 });
      a.send({ type: "OFFER", dst: "c", payload: OFFER });
      await a.settled();
      b.send({ type: "OFFER", dst: "c", payload: { ...OFFER, connectionId: "dc_2" } });
      b.send({ type: "CANDIDATE", dst: "c", payload: { n: 1 } });
      await b.settled();
      const c = await subject.join("c");
      expect([await c.next(), await c.next(), await c.next()]).toEqual([
        { type: "OFFER", src: "a", dst: "c", payload: OFFER },
        { type: "OFFER", src: "b", dst: "c", payload: { ...OFFER, connectionId: "dc_2" } },
        { type: "CANDIDATE", src: "b", dst: "c", payload: { n: 1 } },
      ]);
    });

    it("for who does not come end with one EXPIRE for each sender", async () => {
      const [a, b] = await pair({ expireMs: 400 });
      a.send({ type: "OFFER", dst: "c", payload: OFFER }).send({ type: "CANDIDATE", dst: "c", payload: {} });
      b.send({ type: "OFFER", dst: "c", payload: OFFER });
      await a.settled();
      await b.settled();
      await subject.pass(1_500);
      expect([await a.settled(), await b.settled()]).toEqual([
        [{ type: "EXPIRE", src: "c", dst: "a" }],
        [{ type: "EXPIRE", src: "c", dst: "b" }],
      ]);
      const c = await subject.join("c");
      expect(await c.settled()).toEqual([]);
    });
  });
}

describe("where ours differs from PeerServer on purpose", () => {
  it("a client that comes again gets OPEN, or it would wait for ever", async () => {
    subject = await startOurs();
    await subject.join("a");
    await subject.join("a");
    await subject.close();
    subject = await startPeerServer();
    await subject.join("a");
    const again = subject.connect("?key=peerjs&id=a&token=token-a");
    await new Promise((resolve) => again.socket.once("open", resolve));
    expect(await again.settled()).toEqual([]);
  });

  it("a frame that is not JSON is one lost frame", async () => {
    subject = await startOurs();
    const a = await subject.join("a");
    for (const broken of ["{", "", "null", "5", '"text"', "\u0000", Buffer.from([0xff, 0xfe])]) a.send(broken);
    a.send({ type: "CANDIDATE", dst: "a", payload: {} });
    expect(await a.next()).toEqual({ type: "CANDIDATE", src: "a", dst: "a", payload: {} });
  });

  it("a client that gave its id back says nothing more in its name", async () => {
    subject = await startOurs();
    const [a, b] = [await subject.join("a"), await subject.join("b")];
    a.send({ type: "LEAVE" }).send({ type: "OFFER", dst: "b", payload: OFFER });
    await a.settled();
    expect(await b.settled()).toEqual([]);
  });

  it("ids that no client would use are refused", async () => {
    subject = await startOurs();
    for (const id of ["a%0Ab", "%00", "..", "é", "a".repeat(129), "%20a", "<script>", "a%20%20b"]) {
      const client = subject.connect(`?key=peerjs&id=${id}&token=t`);
      expect(await client.next()).toMatchObject({ type: "ERROR", payload: { msg: expect.stringContaining("peer.id.invalid") } });
      await client.closed();
    }
  });

  it("where keys are told apart, HTTP tells them apart, too", async () => {
    subject = await startOurs({ discovery: true });
    expect((await subject.http("/peerjs/wrong/peers")).status).toBe(401);
    expect((await subject.http("/peerjs/peerjs/peers")).status).toBe(200);
    expect((await subject.http("/peerjs/wrong/id")).status).toBe(200);
  });
});
