/** What the views reach besides React: the SDK and the own devices, one of each for the page. */
import { createContext, useContext } from "react";
import type { CallTools } from "../call/base-call.ts";
import type { Sdk } from "../sdk.ts";
import type { LocalMedia } from "../state/local-media.ts";

export type Services = { readonly tools: CallTools; readonly media: LocalMedia };

export const ServicesContext = createContext<Services | undefined>(undefined);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new Error("the view is outside of ServicesContext");
  return services;
}

export function useSdk(): Sdk {
  return useServices().tools.sdk;
}
