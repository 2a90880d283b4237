/** Before a room: how you look and sound, under which name, and then in. */
import { Headphones } from "lucide-react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Choosers } from "../devices/choosers.tsx";
import { Preview } from "../devices/preview.tsx";
import { useI18n } from "../i18n/index.tsx";
import type { RoomChoice } from "../router.ts";
import { NAME_LENGTH, settings } from "../state/settings.ts";
import { useField, useStore } from "../state/store.ts";
import { Button, classes } from "../ui/button.tsx";
import { ErrorBox } from "../ui/error-box.tsx";
import { TextField } from "../ui/field.tsx";
import { useServices } from "../ui/services.ts";
import { Advanced } from "./advanced.tsx";
import styles from "./prejoin.module.css";
import { Shell } from "./shell.tsx";

type PrejoinProps = {
  readonly room: string;
  readonly listen: boolean;
  readonly choice: RoomChoice;
  readonly secret: string | undefined;
  readonly onJoin: (options: { readonly name: string; readonly receiveOnly: boolean }) => void;
};

export function Prejoin({ room, listen, choice, secret, onJoin }: PrejoinProps) {
  const { t } = useI18n();
  const { media } = useServices();
  const { status, error } = useStore(media.store);
  const name = useField(settings, "name");
  const [missing, setMissing] = useState(false);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (!listen) void media.open();
  }, [media, listen]);

  const join = (receiveOnly: boolean) => {
    if (name.trim() === "") {
      setMissing(true);
      field.current?.focus();
      return;
    }
    onJoin({ name: name.trim(), receiveOnly });
  };
  const title = t(listen ? "prejoin.title.listen" : "prejoin.title", { room });

  return (
    <Shell title={title}>
      <form
        className={classes(styles.prejoin, listen && styles.narrow)}
        noValidate
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          join(listen);
        }}
      >
        <div className={styles.head}>
          <h1 className={styles.title}>{title}</h1>
          <p className={styles.lead}>{t(listen ? "prejoin.lead.listen" : "prejoin.lead")}</p>
        </div>
        {listen ? null : (
          <div className={styles.main}>
            <Preview name={name} />
            {error === undefined ? null : (
              <ErrorBox error={error}>
                <Button size="small" onClick={() => void media.open({ camera: true, microphone: true })}>
                  {t("action.retry")}
                </Button>
              </ErrorBox>
            )}
          </div>
        )}
        <div className={styles.side}>
          <TextField
            ref={field}
            label={t("home.name")}
            value={name}
            maxLength={NAME_LENGTH}
            autoComplete="name"
            error={missing && name.trim() === "" ? t("name.missing") : undefined}
            onChange={(event) => settings.set({ name: event.target.value })}
          />
          <Choosers inputs={!listen} />
          <Advanced room={room} listen={listen} choice={choice} secret={secret} />
          <div className={styles.actions}>
            <Button type="submit" look="primary" size="large" wide disabled={!listen && status === "asking"}>
              {t(listen ? "prejoin.listen" : "prejoin.join")}
            </Button>
            {listen ? null : (
              <Button look="quiet" wide icon={Headphones} onClick={() => join(true)}>
                {t("prejoin.listen")}
              </Button>
            )}
          </div>
        </div>
      </form>
    </Shell>
  );
}
