/** The telephone at rest: call somebody, or be called. */
import { Bell, BellOff, CircleCheck, LoaderCircle, PhoneCall, Phone as PhoneIcon, SlidersHorizontal } from "lucide-react";
import { type FormEvent, useState } from "react";
import { readPhoneId } from "../call/line.ts";
import type { Phone, PhoneServer } from "../call/phone.ts";
import { Choosers } from "../devices/choosers.tsx";
import { Preview } from "../devices/preview.tsx";
import { useI18n } from "../i18n/index.tsx";
import { linkTo } from "../router.ts";
import { settings } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { TextField } from "../ui/field.tsx";
import { QrCode } from "../ui/qr-code.tsx";
import { useServices } from "../ui/services.ts";
import { useAfter } from "../ui/use-after.ts";
import styles from "./phone.module.css";
import { Shell } from "./shell.tsx";

type DeskProps = { readonly phone: Phone; readonly preset: string; readonly onRetry: () => void };

export function PhoneDesk({ phone, preset, onRetry }: DeskProps) {
  const { t } = useI18n();
  const { media } = useServices();
  const { server, id } = useStore(phone.store);
  const { ringtone, name } = useStore(settings);
  const { error } = useStore(media.store);
  const [to, setTo] = useState(preset);
  const [problem, setProblem] = useState<"missing" | "self">();
  const [checking, setChecking] = useState(false);

  const dial = (video: boolean) => {
    const target = readPhoneId(to);
    if (target === "") setProblem("missing");
    else if (target === id) setProblem("self");
    else void phone.dial(target, video);
  };

  return (
    <Shell title={t("phone.title")}>
      <div className={styles.phone}>
        <h1 className={styles.title}>{t("phone.title")}</h1>
        <section className={styles.part} aria-labelledby="call-title">
          <h2 id="call-title">{t("phone.call.title")}</h2>
          <form
            className={styles.call}
            noValidate
            onSubmit={(event: FormEvent) => {
              event.preventDefault();
              dial(true);
            }}
          >
            <TextField
              label={t("phone.call.id")}
              value={to}
              placeholder="123-456-789"
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              error={problem === undefined ? undefined : t(problem === "missing" ? "phone.call.missing" : "phone.call.self")}
              onChange={(event) => {
                setTo(event.target.value);
                setProblem(undefined);
              }}
            />
            <div className={styles.buttons}>
              <Button type="submit" look="primary" size="large" icon={PhoneCall} disabled={server.state !== "ready"}>
                {t("phone.call.video")}
              </Button>
              <Button size="large" disabled={server.state !== "ready"} onClick={() => dial(false)}>
                {t("phone.call.voice")}
              </Button>
            </div>
          </form>
        </section>

        <section className={styles.part} aria-labelledby="my-title">
          <h2 id="my-title">{t("phone.my")}</h2>
          {server.state === "failed" ? (
            <ErrorBox error={server.error}>
              <Button size="small" onClick={onRetry}>
                {t("action.retry")}
              </Button>
            </ErrorBox>
          ) : (
            <div className={styles.mine}>
              <div className={styles.stack}>
                {id === undefined ? (
                  <div className={styles.skeleton} aria-hidden="true" />
                ) : (
                  <p className={styles.id} translate="no">
                    {id}
                  </p>
                )}
                <ServerState server={server} />
                {id === undefined ? null : (
                  <>
                    <p className={styles.soft}>{t("phone.my.hint")}</p>
                    <CopyButton text={id} label={t("phone.copy.id")} />
                    <CopyButton text={linkTo({ view: "phone", call: id })} label={t("phone.copy.link")} />
                  </>
                )}
              </div>
              {id === undefined ? null : (
                <div className={styles.qr}>
                  <QrCode text={linkTo({ view: "phone", call: id })} label={t("phone.qr", { id })} />
                  <span>{t("phone.qr.hint")}</span>
                </div>
              )}
            </div>
          )}
        </section>

        <div className={styles.foot}>
          <Button
            look="quiet"
            icon={SlidersHorizontal}
            onClick={() => {
              setChecking(true);
              void media.open({ camera: true, microphone: true });
            }}
          >
            {t("phone.devices")}
          </Button>
          <Button look="quiet" icon={ringtone ? Bell : BellOff} onClick={() => settings.set({ ringtone: !ringtone })}>
            {t(ringtone ? "phone.ringtone.off" : "phone.ringtone.on")}
          </Button>
        </div>
      </div>
      {checking ? (
        <Dialog
          title={t("phone.devices")}
          onClose={() => {
            setChecking(false);
            media.close();
          }}
        >
          <div className={styles.part}>
            <Preview name={name} />
            {error === undefined ? null : (
              <ErrorBox error={error}>
                <Button size="small" onClick={() => void media.open({ camera: true, microphone: true })}>
                  {t("action.retry")}
                </Button>
              </ErrorBox>
            )}
            <Choosers />
          </div>
        </Dialog>
      ) : null}
    </Shell>
  );
}

function ServerState({ server }: { readonly server: PhoneServer }) {
  const { t } = useI18n();
  const late = useAfter(server.state === "connecting");
  return (
    <div role="status">
      {server.state === "ready" ? (
        <span className={`${styles.state} ${styles.live}`}>
          <CircleCheck size={16} aria-hidden="true" />
          {t("phone.my.ready")}
        </span>
      ) : (
        <span className={styles.state}>
          {server.state === "reconnecting" ? (
            <LoaderCircle size={16} aria-hidden="true" />
          ) : (
            <PhoneIcon size={16} aria-hidden="true" />
          )}
          {t(server.state === "reconnecting" ? "phone.my.reconnecting" : "phone.my.waiting")}
        </span>
      )}
      {late ? <p className={styles.soft}>{t("phone.my.waiting.reason")}</p> : null}
    </div>
  );
}
