const LOOK_EVERY_MS = 100;

/** Of this process alone: servers that it has started are its children, and do not count. Its end returns the most that was resident. */
export function watchOwnMemory(): { stop: () => number } {
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return peak;
    },
  };
}
