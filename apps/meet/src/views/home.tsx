/** The start: who you are, then a room or the phone. */
import { ArrowRight, Phone as PhoneIcon, Radio } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import { navigate } from "../router.ts";
import { NAME_LENGTH, settings } from "../state/settings.ts";
import { useStore } from "../state/store.ts";
import { suggestRoomName } from "../text/room-names.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Link } from "../ui/link.tsx";
import styles from "./home.module.css";
import { Shell } from "./shell.tsx";

export function Home() {
  const { t } = useI18n();
  const { name, rooms } = useStore(settings);
  const [suggestion] = useState(suggestRoomName);
  const [room, setRoom] = useState("");
  const [nameMissing, setNameMissing] = useState(false);
  const nameField = useRef<HTMLInputElement>(null);

  const named = (): boolean => {
    if (name.trim() !== "") return true;
    setNameMissing(true);
    nameField.current?.focus();
    return false;
  };
  const join = (event: FormEvent) => {
    event.preventDefault();
    if (named()) navigate({ view: "room", room: room.trim() === "" ? suggestion : room.trim(), listen: false });
  };

  return (
    <Shell title="">
      <div className={styles.home}>
        <div className={styles.section}>
          <h1 className={styles.title}>{t("home.title")}</h1>
          <TextField
            ref={nameField}
            label={t("home.name")}
            hint={t("home.name.hint")}
            error={nameMissing && name.trim() === "" ? t("name.missing") : undefined}
            value={name}
            maxLength={NAME_LENGTH}
            autoComplete="name"
            onChange={(event) => settings.set({ name: event.target.value })}
          />
        </div>

        <section className={styles.section} aria-labelledby="join-title">
          <div className={styles.lead}>
            <h2 id="join-title">{t("home.room.title")}</h2>
            <p className={styles.soft}>{t("home.room.text")}</p>
          </div>
          <form className={styles.join} onSubmit={join} noValidate>
            <TextField
              label={t("home.room.name")}
              value={room}
              placeholder={suggestion}
              maxLength={128}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              onChange={(event) => setRoom(event.target.value)}
            />
            <Button type="submit" look="primary" icon={ArrowRight}>
              {t("home.room.join")}
            </Button>
          </form>
          {rooms.length === 0 ? null : (
            <div className={styles.recent}>
              <span>{t("home.recent")}</span>
              {rooms.map((recent) => (
                <Link key={recent} to={{ view: "room", room: recent, listen: false }}>
                  {recent}
                </Link>
              ))}
            </div>
          )}
        </section>

        <section className={styles.phone} aria-labelledby="phone-title">
          <div className={styles.lead}>
            <h2 id="phone-title">{t("home.phone.title")}</h2>
            <p className={styles.soft}>{t("home.phone.text")}</p>
          </div>
          <Button
            icon={PhoneIcon}
            onClick={() => {
              if (named()) navigate({ view: "phone", call: undefined });
            }}
          >
            {t("home.phone.open")}
          </Button>
        </section>
        <section className={styles.phone} aria-labelledby="live-title">
          <div className={styles.lead}>
            <h2 id="live-title">{t("home.live.title")}</h2>
            <p className={styles.soft}>{t("home.live.text")}</p>
          </div>
          <Button icon={Radio} onClick={() => navigate({ view: "studio" })}>
            {t("home.live.open")}
          </Button>
        </section>
        <p className={styles.foot}>
          <Link to={{ view: "check" }}>{t("check.link")}</Link>
        </p>
      </div>
    </Shell>
  );
}
