/** The telephone while something happens on the line that is not yet, or no longer, a call. */
import { Bell, BellOff, Mic, PhoneOff, Video } from "lucide-react";
import { useEffect, useRef } from "react";
import type { Line } from "../call/line.ts";
import type { Phone } from "../call/phone.ts";
import { startRinging } from "../devices/tone.ts";
import { formatDuration } from "../i18n/format.ts";
import { useI18n } from "../i18n/index.tsx";
import { settings } from "../state/settings.ts";
import { useField } from "../state/store.ts";
import { endText } from "../text/end-reasons.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Button, classes } from "../ui/button.tsx";
import { ErrorBox, ErrorCode } from "../ui/error-box.tsx";
import message from "./message.module.css";
import styles from "./phone.module.css";
import { Shell } from "./shell.tsx";

type At<State extends Line["at"]> = Extract<Line, { at: State }>;

export function PhoneIncoming({ phone, line }: { readonly phone: Phone; readonly line: At<"incoming"> }) {
  const { t } = useI18n();
  const ringtone = useField(settings, "ringtone");
  const answer = useRef<HTMLButtonElement>(null);
  useRinging(ringtone ? "incoming" : undefined);
  useEffect(() => answer.current?.focus(), []);
  const { name, id } = line.party;
  return (
    <main className={classes("dark", styles.ringing)} aria-label={t("phone.incoming")}>
      <p className={styles.soft}>{t("phone.incoming")}</p>
      <div className={styles.halo}>
        <Avatar name={name} size={112} />
      </div>
      <div role="alert">
        <h1>{t("phone.incoming.from", { name })}</h1>
      </div>
      {name === id ? null : <p className={styles.soft}>{id}</p>}
      <div className={styles.answers}>
        <Button ref={answer} look="primary" size="large" icon={Video} onClick={() => void phone.accept(true)}>
          {t("phone.accept.video")}
        </Button>
        <Button size="large" icon={Mic} onClick={() => void phone.accept(false)}>
          {t("phone.accept.voice")}
        </Button>
        <Button look="danger" size="large" icon={PhoneOff} onClick={() => phone.reject()}>
          {t("phone.reject")}
        </Button>
      </div>
      <Button look="quiet" icon={ringtone ? Bell : BellOff} onClick={() => settings.set({ ringtone: !ringtone })}>
        {t(ringtone ? "phone.ringtone.off" : "phone.ringtone.on")}
      </Button>
    </main>
  );
}

export function PhoneDialing({ phone, line }: { readonly phone: Phone; readonly line: At<"preparing" | "dialing"> }) {
  const { t } = useI18n();
  const ringtone = useField(settings, "ringtone");
  const dialing = line.at === "dialing";
  const cancel = useRef<HTMLButtonElement>(null);
  useRinging(dialing && ringtone ? "outgoing" : undefined);
  useEffect(() => cancel.current?.focus(), []);
  const { name } = line.party;
  return (
    <main className={classes("dark", styles.ringing)}>
      <div className={classes(dialing && styles.halo)}>
        <Avatar name={name} size={112} />
      </div>
      <h1>{t("phone.dialing", { name })}</h1>
      <p className={styles.soft} role="status">
        {t(dialing ? "phone.dialing.ringing" : "phone.dialing.preparing")}
      </p>
      <div className={styles.answers}>
        <Button ref={cancel} look="danger" size="large" icon={PhoneOff} onClick={() => phone.cancel()}>
          {t("phone.hangup")}
        </Button>
      </div>
    </main>
  );
}

export function PhoneBlocked({ phone, line }: { readonly phone: Phone; readonly line: At<"blocked"> }) {
  const { t } = useI18n();
  return (
    <Shell title={t("phone.title")}>
      <div className={message.message}>
        <h1>{t("phone.blocked")}</h1>
        <ErrorBox error={line.error} />
        <div className={message.actions}>
          <Button look="primary" onClick={() => void phone.dial(line.party.id, line.video)}>
            {t("action.retry")}
          </Button>
          <Button onClick={() => phone.dialWithoutDevices()}>{t("phone.blocked.anyway")}</Button>
          <Button look="quiet" onClick={() => phone.cancel()}>
            {t("action.cancel")}
          </Button>
        </div>
      </div>
    </Shell>
  );
}

type EndedProps = { readonly line: At<"ended">; readonly onAgain: () => void; readonly onBack: () => void };

export function PhoneEnded({ line, onAgain, onBack }: EndedProps) {
  const { t, locale } = useI18n();
  const { party, end, outgoing } = line;
  const { text, remedy } = endText(end, outgoing, party.name, t);
  const title = t(end.reason === "failed" || end.error !== undefined ? "phone.ended.failed" : "phone.ended");
  return (
    <Shell title={title}>
      <div className={message.message}>
        <h1>{title}</h1>
        {end.error === undefined ? (
          <div className={styles.stack}>
            <p>{text}</p>
            {remedy === undefined ? null : <p>{remedy}</p>}
            {end.reason === "failed" ? <ErrorCode code="connection.transport.failed" /> : null}
          </div>
        ) : (
          <ErrorBox error={end.error} />
        )}
        <div className={message.soft}>
          {party.name !== party.id ? <p>{t("phone.ended.with", { name: party.id })}</p> : null}
          {end.durationMs === 0 ? null : <p>{t("phone.ended.duration", { duration: formatDuration(end.durationMs, locale) })}</p>}
        </div>
        <div className={message.actions}>
          <Button look="primary" size="large" onClick={onBack}>
            {t("phone.back")}
          </Button>
          <Button size="large" onClick={onAgain}>
            {t("phone.again")}
          </Button>
        </div>
      </div>
    </Shell>
  );
}

function useRinging(kind: "incoming" | "outgoing" | undefined): void {
  useEffect(() => {
    if (kind === undefined) return;
    const ringing = startRinging(kind);
    return ringing.stop;
  }, [kind]);
}
