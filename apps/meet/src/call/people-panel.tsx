/** Who is in the call, with each one's state, and the links that bring more. */
import { Headphones, Link as LinkIcon, Mic, MicOff, MonitorUp, Video, VideoOff } from "lucide-react";
import { useId, useState } from "react";
import { useI18n } from "../i18n/index.tsx";
import { linkTo } from "../router.ts";
import { useStore } from "../state/store.ts";
import { Avatar } from "../ui/avatar.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { useServices } from "../ui/services.ts";
import type { Call, Participant } from "./model.ts";
import styles from "./panel.module.css";
import { Panel } from "./panel.tsx";

/** From here on one looks for a name rather than reads them all. */
const MANY = 13;

type PeopleProps = { readonly call: Call; readonly ownName: string; readonly onClose: () => void };

export function PeoplePanel({ call, ownName, onClose }: PeopleProps) {
  const { t } = useI18n();
  const { media } = useServices();
  const [wanted, setWanted] = useState("");
  const { participants, screen } = useStore(call.store);
  const { camera, microphone } = useStore(media.store);
  const self: Participant = {
    id: "self",
    name: ownName,
    link: "connected",
    receiveOnly: call.receiveOnly,
    camera: null,
    screen,
    microphoneOn: !call.receiveOnly && microphone === "on",
    cameraOn: !call.receiveOnly && camera === "on",
    quality: undefined,
  };
  const invite = call.invite(false);
  const all = [self, ...participants];
  const listeners = all.filter(({ receiveOnly }) => receiveOnly).length;
  const search = useId();
  const found = all.filter((each) => each.name.toLocaleLowerCase().includes(wanted.trim().toLocaleLowerCase()));
  return (
    <Panel title={`${t("people.title")} (${all.length})`} onClose={onClose}>
      {listeners === 0 ? null : (
        <p className={styles.counts}>{t("people.counts", { sending: all.length - listeners, listening: listeners })}</p>
      )}
      {all.length < MANY ? null : (
        <div className={styles.search}>
          <label className="visually-hidden" htmlFor={search}>
            {t("people.search")}
          </label>
          <input
            id={search}
            type="search"
            value={wanted}
            placeholder={t("people.search")}
            onChange={(event) => setWanted(event.target.value)}
          />
          {found.length === 0 ? <p className={styles.soft}>{t("people.search.none")}</p> : null}
        </div>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard */}
      <ul className={styles.list} tabIndex={0} aria-label={t("people.title")}>
        {found.map((each) => (
          <Person key={each.id} person={each} self={each === self} />
        ))}
      </ul>
      {invite !== undefined ? (
        <div className={styles.foot}>
          <CopyButton icon={LinkIcon} wide text={linkTo(invite)} label={t("invite.copy")} />
          <CopyButton icon={Headphones} wide text={linkTo(call.invite(true) ?? invite)} label={t("invite.copy.listen")} />
        </div>
      ) : null}
    </Panel>
  );
}

function Person({ person, self }: { readonly person: Participant; readonly self: boolean }) {
  const { t } = useI18n();
  const { link, receiveOnly, microphoneOn, cameraOn, screen } = person;
  const name = person.name === "" ? t("notice.unnamed") : person.name;
  const words = [
    t(`people.${link}`),
    person.locked === undefined ? "" : t(person.locked ? "lock.on" : "lock.failed"),
    receiveOnly ? t("people.listens") : "",
    screen === null ? "" : t("people.sharing"),
  ].filter((word) => word !== "");
  return (
    <li className={styles.person}>
      <Avatar name={name} size={36} />
      <div>
        <p className={styles.personName}>{self ? t("call.you.name", { name }) : name}</p>
        <p className={styles.soft}>{words.join(" · ")}</p>
      </div>
      <span className={styles.icons}>
        {receiveOnly ? (
          <Headphones size={20} aria-hidden="true" />
        ) : (
          <>
            {screen === null ? null : <MonitorUp size={20} aria-hidden="true" />}
            {microphoneOn ? (
              <Mic size={20} aria-hidden="true" />
            ) : (
              <MicOff size={20} className={styles.muted} aria-hidden="true" />
            )}
            {cameraOn ? (
              <Video size={20} aria-hidden="true" />
            ) : (
              <VideoOff size={20} className={styles.muted} aria-hidden="true" />
            )}
            <span className="visually-hidden">
              {t(microphoneOn ? "tile.unmuted" : "tile.muted")}, {t(cameraOn ? "people.camera.on" : "people.camera.off")}
            </span>
          </>
        )}
      </span>
    </li>
  );
}
