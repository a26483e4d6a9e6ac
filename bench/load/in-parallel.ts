/** Takes the jobs in their order, so many at a time. Nothing more is begun once one has failed. */
export async function inParallel<Job>(
  jobs: Job[],
  { limit, run }: { limit: number; run: (job: Job) => Promise<unknown> },
): Promise<void> {
  const waiting = [...jobs];
  const takeTurns = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      try {
        await run(job);
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, takeTurns));
}
