/** The telephone: my ID, calling by ID, ringing both ways, the call, and what is said after it. */
import { useEffect, useState } from "react";
import { CallScreen } from "../call/call-screen.tsx";
import { Phone } from "../call/phone.ts";
import { useI18n } from "../i18n/index.tsx";
import { loadPeerOptions } from "../state/config.ts";
import { settings } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import { useServices } from "../ui/services.ts";
import { PhoneDesk } from "./phone-desk.tsx";
import { PhoneBlocked, PhoneDialing, PhoneEnded, PhoneIncoming } from "./phone-line.tsx";

export function PhonePage({ call }: { readonly call: string | undefined }) {
  const { tools, media } = useServices();
  /** Counts up for another attempt after a failure. */
  const [attempt, setAttempt] = useState(0);
  const [phone, setPhone] = useState<Phone>();

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt is a new telephone
  useEffect(() => {
    const made = new Phone(tools, media, settings);
    setPhone(made);
    let current = true;
    void loadPeerOptions(settings.get()).then((config) => {
      if (!current) return;
      if ("error" in config) made.failToStart(config.error);
      else made.start(config.options);
    });
    const close = () => made.close();
    window.addEventListener("pagehide", close);
    return () => {
      current = false;
      window.removeEventListener("pagehide", close);
      made.close();
    };
  }, [tools, media, attempt]);

  if (phone === undefined) return null;
  return <Telephone key={attempt} phone={phone} preset={call} onRetry={() => setAttempt((count) => count + 1)} />;
}

type TelephoneProps = { readonly phone: Phone; readonly preset: string | undefined; readonly onRetry: () => void };

function Telephone({ phone, preset, onRetry }: TelephoneProps) {
  const { t } = useI18n();
  const { line, call } = useStore(phone.store);
  const [last, setLast] = useState(preset ?? "");
  useEffect(() => {
    if (line.at === "incoming") document.title = `☎ ${t("phone.incoming.from", { name: line.party.name })} – Tsunagi`;
  }, [line, t]);

  switch (line.at) {
    case "idle":
      return <PhoneDesk phone={phone} preset={last} onRetry={onRetry} />;
    case "blocked":
      return <PhoneBlocked phone={phone} line={line} />;
    case "preparing":
    case "dialing":
      return <PhoneDialing phone={phone} line={line} />;
    case "incoming":
      return <PhoneIncoming phone={phone} line={line} />;
    case "talking":
      return call === undefined ? null : <CallScreen call={call} />;
    case "ended":
      return (
        <PhoneEnded
          line={line}
          onAgain={() => void phone.dial(line.party.id, line.video)}
          onBack={() => {
            setLast("");
            phone.dismiss();
          }}
        />
      );
  }
}
