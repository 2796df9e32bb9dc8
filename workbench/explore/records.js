// A table of samples: heads ask for an order, rows choose a sample.

function cell(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

function head(name, model) {
  const made = document.createElement("th");
  const chosen = name === model.get("order");
  const descending = chosen && model.get("descending");
  made.scope = "col";
  made.setAttribute("aria-sort", !chosen ? "none" : descending ? "descending" : "ascending");
  const button = cell("button", name + (!chosen ? "" : descending ? " ▼" : " ▲"));
  button.onclick = () => {
    model.set("descending", chosen && !descending);
    model.set("order", name);
    model.save_changes();
  };
  made.append(button);
  return made;
}

function row(place, values, model) {
  const made = document.createElement("tr");
  made.append(...values.map((value) => cell("td", value)));
  made.tabIndex = 0;
  made.setAttribute("aria-selected", String(place === model.get("chosen")));
  const choose = () => {
    model.set("chosen", place);
    model.save_changes();
  };
  made.onclick = choose;
  made.onkeydown = (event) => event.key === "Enter" && choose();
  return made;
}

function render({ model, el }) {
  el.classList.add("wb-records");
  const table = document.createElement("table");
  el.append(table);
  const draw = () => {
    const heads = document.createElement("tr");
    heads.append(...model.get("columns").map((name) => head(name, model)));
    const places = model.get("places");
    const rows = model.get("rows").map((values, i) => row(places[i], values, model));
    table.replaceChildren(heads, ...rows);
  };
  model.on("change:rows change:order change:descending change:chosen", draw);
  draw();
}

export default { render };
