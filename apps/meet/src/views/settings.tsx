/** Settings: as a page, and within a call as a dialog. */
import { useEffect } from "react";
import { Choosers } from "../devices/choosers.tsx";
import { useI18n } from "../i18n/index.tsx";
import { type Language, NAME_LENGTH, type SelfView, settings } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import { Button } from "../ui/button.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { CheckField, SelectField, TextField } from "../ui/field.tsx";
import { Link } from "../ui/link.tsx";
import { useServices } from "../ui/services.ts";
import styles from "./settings.module.css";
import { Shell } from "./shell.tsx";

export function SettingsPage() {
  const { t } = useI18n();
  const { media } = useServices();
  useEffect(() => {
    void media.refreshDevices();
    return () => media.close();
  }, [media]);
  return (
    <Shell title={t("settings.title")}>
      <div className={styles.page}>
        <h1>{t("settings.title")}</h1>
        <SettingsForm inCall={false} />
        <Link to={{ view: "check" }}>{t("check.link")}</Link>
      </div>
    </Shell>
  );
}

/** @param inCall leaves out what would take effect only in the next call */
export function SettingsForm({ inCall }: { readonly inCall: boolean }) {
  const { t } = useI18n();
  const { media } = useServices();
  const { name, language, selfView, shortcuts, ringtone, key } = useStore(settings);
  const { status, error, microphone } = useStore(media.store);
  const Heading = inCall ? "h3" : "h2";
  return (
    <div className={styles.form}>
      <section className={styles.group}>
        <Heading>{t("settings.devices")}</Heading>
        {error === undefined ? null : (
          <ErrorBox error={error}>
            <Button size="small" onClick={() => media.dismissError()}>
              {t("action.dismiss")}
            </Button>
          </ErrorBox>
        )}
        <Choosers />
        {inCall || (status === "ready" && microphone === "on") ? null : (
          <Button disabled={status === "asking"} onClick={() => void media.open({ camera: true, microphone: true })}>
            {t("settings.devices.start")}
          </Button>
        )}
      </section>
      <section className={styles.group}>
        <Heading>{t("settings.you")}</Heading>
        {inCall ? null : (
          <TextField
            label={t("home.name")}
            value={name}
            maxLength={NAME_LENGTH}
            autoComplete="name"
            onChange={(event) => settings.set({ name: event.target.value })}
          />
        )}
        <SelectField
          label={t("settings.selfview")}
          value={selfView}
          choices={[
            { value: "floating", text: t("settings.selfview.floating") },
            { value: "tile", text: t("settings.selfview.tile") },
            { value: "hidden", text: t("settings.selfview.hidden") },
          ]}
          onChange={(event) => settings.set({ selfView: event.target.value as SelfView })}
        />
      </section>
      <section className={styles.group}>
        <Heading>{t("settings.app")}</Heading>
        <SelectField
          label={t("nav.language")}
          value={language}
          choices={[
            { value: "auto", text: t("settings.language.auto") },
            { value: "en", text: t("settings.language.en") },
            { value: "ja", text: t("settings.language.ja") },
          ]}
          onChange={(event) => settings.set({ language: event.target.value as Language })}
        />
        <CheckField
          label={t("settings.shortcuts")}
          checked={shortcuts}
          onChange={(checked) => settings.set({ shortcuts: checked })}
        />
        {inCall ? null : (
          <>
            <CheckField
              label={t("settings.ringtone")}
              checked={ringtone}
              onChange={(checked) => settings.set({ ringtone: checked })}
            />
            <TextField
              label={t("settings.key")}
              hint={t("settings.key.hint")}
              value={key}
              maxLength={200}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => settings.set({ key: event.target.value.trim() })}
            />
          </>
        )}
        <p className={styles.soft}>{t("settings.saved")}</p>
      </section>
    </div>
  );
}
