/** A person as a drawing: a head and shoulders in a colour of their own, drawn once a second so that the track has frames. */
export function drawPerson(name: string, index: number): MediaStream {
  const canvas = document.createElement("canvas");
  canvas.width = 320;
  canvas.height = 180;
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("no canvas");
  const hue = (index * 47) % 360;
  const draw = () => {
    context.fillStyle = `hsl(${hue} 22% 34%)`;
    context.fillRect(0, 0, 320, 180);
    context.fillStyle = `hsl(${hue} 30% 58%)`;
    context.beginPath();
    context.ellipse(160, 210, 88, 92, 0, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = `hsl(${(hue + 20) % 360} 38% 74%)`;
    context.beginPath();
    context.ellipse(160, 78, 36, 46, 0, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = "#00000055";
    context.font = "12px system-ui";
    context.fillText(`${name} ${Math.floor(performance.now() / 1000) % 10}`, 8, 16);
  };
  draw();
  setInterval(draw, 1000);
  return canvas.captureStream(1);
}
