// Cards of samples: each a button with its images; the one that is pressed becomes `chosen`.

function card(one, model) {
  const button = document.createElement("button");
  button.className = `wb-card wb-${one.verdict}`;
  button.setAttribute("aria-pressed", String(one.place === model.get("chosen")));
  button.setAttribute("aria-label", [one.title, ...one.lines].join(", "));
  button.onclick = () => {
    model.set("chosen", one.place);
    model.save_changes();
  };
  const title = document.createElement("strong");
  title.textContent = one.title;
  const strip = document.createElement("span");
  strip.className = "wb-strip";
  for (const [name, address] of one.images) {
    const image = document.createElement("img");
    image.src = address;
    image.alt = name;
    image.title = name;
    strip.append(image);
  }
  button.append(title, strip);
  for (const text of one.lines) {
    const line = document.createElement("span");
    line.textContent = text;
    button.append(line);
  }
  return button;
}

function render({ model, el }) {
  el.classList.add("wb-gallery");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", model.get("label"));
  const draw = () => el.replaceChildren(...model.get("cards").map((one) => card(one, model)));
  const press = () => {
    model.get("cards").forEach((one, i) => {
      el.children[i].setAttribute("aria-pressed", String(one.place === model.get("chosen")));
    });
  };
  model.on("change:cards", draw);
  model.on("change:chosen", press);
  draw();
}

export default { render };
