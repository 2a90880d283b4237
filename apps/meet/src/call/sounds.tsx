/** Everybody's sound, whichever page their pictures are on. */
import { useEffect, useRef } from "react";
import { useServices } from "../ui/services.ts";
import type { Call, Participant } from "./model.ts";
import { useSpeaking } from "./use-speaking.ts";

type SoundsProps = {
  readonly call: Call;
  readonly participants: readonly Participant[];
  /** The server tells who speaks: nothing has to be measured here. */
  readonly told: boolean;
  readonly speaker: string | undefined;
  readonly onBlocked: (retry: () => void) => void;
};

export function Sounds({ call, participants, told, speaker, onBlocked }: SoundsProps) {
  const common = { call, speaker, onBlocked };
  return participants
    .filter(({ receiveOnly }) => !receiveOnly)
    .flatMap(({ id, camera, screen, microphoneOn }) => [
      <Sound key={id} {...common} id={told ? undefined : id} stream={camera} audible={microphoneOn} />,
      screen === null ? null : <Sound key={`${id}/screen`} {...common} id={undefined} stream={screen} audible />,
    ]);
}

type SoundProps = Pick<SoundsProps, "call" | "speaker" | "onBlocked"> & {
  /** Whose voice this is, if it is to be noticed. */
  readonly id: string | undefined;
  readonly stream: MediaStream | null;
  readonly audible: boolean;
};

function Sound({ call, id, stream, audible, speaker, onBlocked }: SoundProps) {
  const { tools } = useServices();
  const { sdk } = tools;
  const ref = useRef<HTMLAudioElement>(null);
  const speaking = useSpeaking(id === undefined ? null : stream, audible);
  useEffect(() => {
    if (id !== undefined) call.voices.hear(id, speaking);
  }, [call, id, speaking]);
  useEffect(() => {
    const audio = ref.current;
    if (audio === null || stream === null) return;
    audio.srcObject = stream;
    // A stream without sound begins to play when some is added. AbortError: the stream changed meanwhile, the next one plays.
    audio.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") onBlocked(() => void audio.play());
    });
    return () => {
      audio.srcObject = null;
    };
  }, [stream, onBlocked]);
  useEffect(() => {
    const audio = ref.current;
    if (audio === null || speaker === undefined || !sdk.speakerSelectable) return;
    // A speaker that went away: the system's default goes on playing.
    sdk.setSpeaker(audio, speaker).catch(() => undefined);
  }, [sdk, speaker]);
  return <audio ref={ref} data-sound={id} />;
}
