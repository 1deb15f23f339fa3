-- Commands of :Espq, which are sent to the server. No decisions about a project are made here.

local M = {}

---@param path string
---@return boolean
function M.is_project(path)
  local name = vim.fs.basename(path)
  return name == "espq.toml" or vim.endswith(name, ".espq.toml")
end

---@param buffer integer
---@return vim.lsp.Client?
local function client_of(buffer)
  return vim.lsp.get_clients({ name = "espq", bufnr = buffer })[1]
end

---@param command string a command of the server, given the buffer's URI
local function execute(command)
  local buffer = vim.api.nvim_get_current_buf()
  local client = client_of(buffer)
  if not client then
    vim.notify(
      'espq is not running in this buffer. It needs espq.toml or *.espq.toml, and vim.lsp.enable("espq"); see :checkhealth espq.',
      vim.log.levels.ERROR
    )
    return
  end
  local params = { command = command, arguments = { vim.uri_from_bufnr(buffer) } }
  client:request("workspace/executeCommand", params, function(err)
    if err then
      vim.notify(command .. ": " .. err.message, vim.log.levels.ERROR)
    end
  end, buffer)
end

--- Lines of the list of layers in a buffer of its own; `gd` on a layer leads to its line in the configuration.
local function layers()
  local project = vim.api.nvim_get_current_buf()
  local client = client_of(project)
  if not client then
    return execute("espq.analyze") -- says what is missing
  end
  client:request("espq/layers", { uri = vim.uri_from_bufnr(project) }, function(err, list)
    if err or not list then
      return vim.notify(err and err.message or "espq has no layers yet", vim.log.levels.ERROR)
    end
    local buffer = vim.fn.bufadd(list.uri)
    vim.fn.bufload(buffer)
    vim.bo[buffer].buftype = "nofile"
    M.fill(buffer, list.text)
    vim.b[buffer].espq_project = vim.uri_from_bufnr(project)
    vim.cmd.vsplit()
    vim.api.nvim_win_set_buf(0, buffer)
    vim.wo[0].wrap = false
    vim.keymap.set("n", "gd", function()
      local line = vim.api.nvim_win_get_cursor(0)[1] - 1
      local params = { textDocument = { uri = list.uri }, position = { line = line, character = 0 } }
      client:request("textDocument/definition", params, function(_, place)
        if place then
          vim.lsp.util.show_document(place, client.offset_encoding, { focus = true })
        end
      end, project)
    end, { buffer = buffer, desc = "espq: the layer's line in espq.toml" })
  end, project)
end

---@param buffer integer
---@param text string
function M.fill(buffer, text)
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(vim.trim(text), "\n"))
  vim.bo[buffer].modifiable = false
end

--- Fills an open list again when its figures have changed.
---@param client vim.lsp.Client
---@param uri string URI of the configuration
function M.refresh(client, uri)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.b[buffer].espq_project == uri then
      client:request("espq/layers", { uri = uri }, function(_, list)
        if list and vim.api.nvim_buf_is_valid(buffer) then
          M.fill(buffer, list.text)
        end
      end, vim.uri_to_bufnr(uri))
    end
  end
end

--- Figures in the text are on by default; `vim.lsp.inlay_hint.enable(false)` switches hints off.
---@param buffer integer
function M.attached(buffer)
  vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
  vim.api.nvim_create_autocmd({ "BufEnter", "CursorHold", "InsertLeave" }, {
    buffer = buffer,
    callback = function()
      vim.lsp.codelens.refresh({ bufnr = buffer })
    end,
  })
  vim.lsp.codelens.refresh({ bufnr = buffer })
end

local function restart()
  local buffers = {}
  local clients = vim.lsp.get_clients({ name = "espq" })
  for _, client in ipairs(clients) do
    for buffer in pairs(client.attached_buffers) do
      buffers[#buffers + 1] = buffer
    end
    client:stop()
  end
  local function begin()
    vim.lsp.enable("espq")
    for _, buffer in ipairs(buffers) do
      if vim.api.nvim_buf_is_valid(buffer) then
        -- The FileType event starts an enabled server.
        vim.api.nvim_exec_autocmds("FileType", { group = "nvim.lsp.enable", buffer = buffer })
      end
    end
  end
  -- A server that is still stopping would be attached instead of a new one.
  local function wait(tries)
    local left = vim.iter(clients):any(function(client)
      return not client:is_stopped()
    end)
    if not left then
      return begin()
    end
    if tries == 0 then
      for _, client in ipairs(clients) do
        client:stop(true)
      end
    end
    vim.defer_fn(function()
      wait(tries - 1)
    end, 50)
  end
  wait(60)
end

M.commands = {
  analyze = function()
    execute("espq.analyze")
  end,
  export = function()
    execute("espq.export")
  end,
  layers = layers,
  ["smallest-set"] = function()
    execute("espq.smallestSet")
  end,
  restart = restart,
}

return M
