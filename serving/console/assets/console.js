// What Dash cannot say from the server: the window's title, a search key, links inside grids.

let shownPath = window.location.pathname;

window.dash_clientside = Object.assign({}, window.dash_clientside, {
  console: {
    title: function (title) {
      if (title) document.title = title;
      return window.dash_clientside.no_update;
    },
    // The search is emptied when the reader moves on, never while a first page is still coming.
    emptied: function (path) {
      const moved = path !== shownPath;
      shownPath = path;
      const search = document.getElementById("search");
      return moved && search && search.value ? "" : window.dash_clientside.no_update;
    },
  },
});

const React = () => window.React;

window.dashAgGridComponentFunctions = Object.assign({}, window.dashAgGridComponentFunctions, {
  SkuLink: function (props) {
    if (!props.value) return null;
    const at = props.data.location ? "?location=" + encodeURIComponent(props.data.location) : "";
    const href = "/console/sku/" + encodeURIComponent(props.value) + at;
    return React().createElement("a", { href: href }, props.value);
  },
  Severity: function (props) {
    const words = { critical: "Critical", warning: "Warning", info: "Info" };
    return React().createElement(
      "span",
      { className: "badge" },
      React().createElement("i", { className: "dot " + props.value }),
      words[props.value] || props.value
    );
  },
});

// A session that ended answers 401: go and sign in, then come back here.
const plainFetch = window.fetch;
window.fetch = async function (...request) {
  const answer = await plainFetch.apply(this, request);
  if (answer.status === 401) {
    const here = window.location.pathname + window.location.search;
    window.location.assign("/console/login?next=" + encodeURIComponent(here));
  }
  return answer;
};

// "/" goes to the search, Escape leaves it; Enter in a grid cell follows the link in it.
document.addEventListener("keydown", function (event) {
  const search = document.getElementById("search");
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === "/" && !typing && search) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && event.target.closest(".search")) {
    document.activeElement.blur();
  } else if (event.key === "Enter" && event.target.classList.contains("ag-cell")) {
    const link = event.target.querySelector("a");
    if (link) link.click();
  }
});
