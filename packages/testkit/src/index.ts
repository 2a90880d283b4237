export * from "./fake-clock.ts";
export * from "./random.ts";
export * from "./simulated-link.ts";
