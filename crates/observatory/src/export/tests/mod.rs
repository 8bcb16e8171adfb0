mod again;
mod broken;
mod bucket;
mod ground;
mod round;
mod server;
