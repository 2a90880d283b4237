/** Sounds without files: the speaker test and the ringtones, made by Web Audio. */

/** A short chord, through the chosen speaker where the browser can. Resolves when it has ended. */
export async function playTestSound(setSpeaker: ((element: HTMLMediaElement) => Promise<void>) | undefined): Promise<void> {
  const context = new AudioContext();
  try {
    await context.resume();
    const out = context.createMediaStreamDestination();
    const start = context.currentTime + 0.1;
    for (const [index, frequency] of [523.25, 659.25, 783.99].entries()) {
      note(context, out, frequency, start + index * 0.22, 0.5, 0.2);
    }
    const audio = new Audio();
    audio.srcObject = out.stream;
    // The chosen one may be gone: the default then tells at least whether there is sound at all.
    await setSpeaker?.(audio).catch(() => undefined);
    await audio.play();
    await new Promise((resolve) => setTimeout(resolve, 1300));
    audio.srcObject = null;
  } finally {
    await context.close();
  }
}

export type Ringing = { readonly stop: () => void };

/** `incoming`: two warm notes every 3 s. `outgoing`: the quiet ring-back tone, 1 s on and 2 s off. */
export function startRinging(kind: "incoming" | "outgoing"): Ringing {
  let context: AudioContext;
  try {
    context = new AudioContext();
  } catch {
    return { stop: () => undefined };
  }
  const ring = () => {
    const now = context.currentTime + 0.05;
    if (kind === "incoming") {
      for (const [index, frequency] of [659.25, 830.61, 659.25, 830.61].entries()) {
        note(context, context.destination, frequency, now + index * 0.2, 0.35, 0.16);
      }
    } else {
      note(context, context.destination, 400, now, 1, 0.05);
    }
  };
  // Before the first touch of the page the browser keeps this silent; the screen rings all the same.
  context.resume().catch(() => undefined);
  ring();
  const timer = setInterval(ring, 3000);
  return {
    stop: () => {
      clearInterval(timer);
      context.close().catch(() => undefined);
    },
  };
}

function note(context: AudioContext, to: AudioNode, frequency: number, at: number, seconds: number, loudness: number): void {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(loudness, at + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.001, at + seconds);
  oscillator.connect(gain).connect(to);
  oscillator.start(at);
  oscillator.stop(at + seconds);
}
