/** The app: services, language, and the view of the address. */
import { useEffect, useState } from "react";
import { browserTools } from "./call/base-call.ts";
import { I18nProvider } from "./i18n/index.tsx";
import { Studio } from "./live/studio.tsx";
import { WatchPage } from "./live/watch-page.tsx";
import { useRoute } from "./router.ts";
import type { Sdk } from "./sdk.ts";
import { LocalMedia } from "./state/local-media.ts";
import { type Services, ServicesContext } from "./ui/services.ts";
import { CheckPage } from "./views/check.tsx";
import { Home } from "./views/home.tsx";
import { NotFound } from "./views/not-found.tsx";
import { PhonePage } from "./views/phone.tsx";
import { Room } from "./views/room.tsx";
import { SettingsPage } from "./views/settings.tsx";

export function App({ sdk }: { readonly sdk: Sdk }) {
  const [services] = useState<Services>(() => ({ tools: browserTools(sdk), media: new LocalMedia(sdk) }));
  useEffect(() => {
    // A page that comes back from the browser's back-forward cache has lost its connections: begin anew.
    const back = (event: PageTransitionEvent) => {
      if (event.persisted) window.location.reload();
    };
    const away = () => services.media.close();
    window.addEventListener("pageshow", back);
    window.addEventListener("pagehide", away);
    return () => {
      window.removeEventListener("pageshow", back);
      window.removeEventListener("pagehide", away);
    };
  }, [services]);
  return (
    <ServicesContext value={services}>
      <I18nProvider>
        <View />
      </I18nProvider>
    </ServicesContext>
  );
}

function View() {
  const route = useRoute();
  switch (route.view) {
    case "home":
      return <Home />;
    case "phone":
      return <PhonePage call={route.call} />;
    case "room":
      return (
        <Room
          key={`${route.room}/${route.listen}`}
          room={route.room}
          listen={route.listen}
          choice={route.mode ?? "auto"}
          secret={route.secret}
        />
      );
    case "studio":
      return <Studio />;
    case "watch":
      return <WatchPage key={route.room} room={route.room} />;
    case "settings":
      return <SettingsPage />;
    case "check":
      return <CheckPage />;
    case "not-found":
      return <NotFound path={route.path} />;
  }
}
