/** Lets all publishers of a load send, and counts what counts. */
import { AUDIO_SSRC, type Scenario, VIDEO_SSRC } from "./scenarios.ts";
import { AudioSource, type MemberSequence, nowMicros, type Source, STEP_MS, VideoSource } from "./source.ts";

/** When packets count, on the machine's monotonic clock. */
export type Window = { readonly fromMicros: number; readonly toMicros: number };

export class Pacer {
  /** Packets within the window that should arrive, at all receivers together. */
  expected = 0;
  readonly #sources: readonly (readonly Source[])[];
  readonly #timer: NodeJS.Timeout;

  /** @param emit sends one packet; its bytes are written over by the next one */
  constructor(scenario: Scenario, { fromMicros, toMicros }: Window, emit: (member: number, packet: Buffer) => void) {
    const { members, publishers, video, talkers } = scenario;
    const startMs = nowMicros() / 1000;
    this.#sources = Array.from({ length: publishers }, (_, member) => {
      const sequence: MemberSequence = { next: 1 };
      const count = (packet: Buffer) => {
        const now = nowMicros();
        if (now >= fromMicros && now < toMicros) this.expected += members - 1;
        emit(member, packet);
      };
      const sources: Source[] = [];
      // Nobody's frames begin together.
      const phase = (everyMs: number) => startMs + (member * everyMs) / publishers;
      if (video !== undefined) {
        const from = phase(1000 / video.framesPerSecond);
        sources.push(new VideoSource(video, member * 2 + 1, VIDEO_SSRC(member), sequence, from, count));
      }
      if (talkers !== undefined) {
        const talks = member < talkers;
        sources.push(new AudioSource(talks, member * 2, AUDIO_SSRC(member), sequence, phase(talks ? 20 : 400), count));
      }
      return sources;
    });
    this.#timer = setInterval(() => {
      const now = nowMicros() / 1000;
      for (const sources of this.#sources) for (const source of sources) source.send(now);
    }, STEP_MS);
  }

  wantKeyFrame(member: number): void {
    for (const source of this.#sources[member] ?? []) source.wantKeyFrame();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
