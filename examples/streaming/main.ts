// Server-sent events: one event per step, sent as it happens; stops when the client goes away.

export default {
  fetch(req: Request): Response {
    const steps = Number(new URL(req.url).searchParams.get("steps") ?? "3");
    const encoder = new TextEncoder();
    let step = 0;
    const body = new ReadableStream({
      async pull(controller) {
        if (step === steps || req.signal.aborted) return controller.close();
        await new Promise((resolve) => setTimeout(resolve, 5));
        step += 1;
        controller.enqueue(encoder.encode(`event: step\ndata: ${step}\n\n`));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
  },
};
